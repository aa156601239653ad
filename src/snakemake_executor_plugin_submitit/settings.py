"""What the executor can be told: ``--submitit-*`` on the command line, ``submitit-*`` in a profile."""

from dataclasses import dataclass, field

from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Settings of the executor ``submitit``."""

    cluster: str = field(
        default="slurm",
        metadata={
            "help": "Where jobs run: slurm, local (processes on this machine) or debug (one after another in here).",
            "choices": ["slurm", "local", "debug"],
        },
    )
    pack: int = field(
        default=1,
        metadata={
            "help": "How many jobs run one after another in one allocation, at most. Its time limit is the sum of "
            "theirs, which the partition must allow.",
            "type": int,
        },
    )
    folder: str = field(
        default=".snakemake/submitit",
        metadata={"help": "Folder of outcomes, logs and submitit's files; on a file system that all nodes see."},
    )
    signal_seconds: int = field(
        default=60,
        metadata={
            "help": "How long before its time limit an allocation gets SIGUSR2, to write checkpoints.",
            "type": int,
        },
    )
    max_requeues: int = field(
        default=3,
        metadata={"help": "How often an allocation that ran out of time is queued again, to go on.", "type": int},
    )
    lost_seconds: int = field(
        default=60,
        metadata={
            "help": "How long a job may have left the queue before it counts as failed for want of an outcome.",
            "type": int,
        },
    )
    preload: str = field(
        default="",
        metadata={
            "help": "Modules, separated by commas, that an allocation imports once for all its Python scripts. "
            "The directive `benchmark` then knows the time of a job, but not its memory."
        },
    )
    gpus: str = field(
        default="",
        metadata={
            "help": "For local: the ids of the GPUs to hand out, separated by commas; those of this machine if empty."
        },
    )
    processors: int = field(
        default=0,
        metadata={
            "help": "For local: how many processors its jobs share; all of this machine if 0. A job waits until as "
            "many are free as it has threads; one of many threads may wait for all that have fewer.",
            "type": int,
        },
    )
