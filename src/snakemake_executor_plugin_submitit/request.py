"""What a job asks of the cluster: Snakemake's resources as parameters of sbatch."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface

DEFAULT_MINUTES = 60
_OURS = {
    "array", "account", "chdir", "comment", "constraint", "cpus-per-task", "error", "gpus", "gres", "job-name", "mem",
    "nodes", "ntasks", "open-mode", "output", "partition", "qos", "requeue", "no-requeue", "signal", "time", "wrap",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """Equal requests can share an array.

    Attributes
    ----------
    name
        Of the rule, as the queue shows it.
    minutes
        Time limit.
    gpus
        How many; ``slurm`` holds what Slurm is told about them.
    slurm
        Options of sbatch, as pairs, sorted.
    """

    name: str
    minutes: int
    threads: int
    mem_mb: int
    gpus: int
    slurm: tuple[tuple[str, str], ...]

    def lasting(self, minutes: int) -> Request:
        """The same with another time limit."""
        return replace(self, minutes=minutes)


def request_of(job: JobExecutorInterface) -> Request:
    """What a job asks for.

    Raises
    ------
    WorkflowError
        For a resource that means nothing, with the rule and what is allowed.
    """
    resources: Mapping[str, Any] = job.resources
    rule = job.name
    options = {}
    for resource, option in (
        ("slurm_partition", "partition"),
        ("slurm_account", "account"),
        ("constraint", "constraint"),
        ("qos", "qos"),
        ("nodes", "nodes"),
        ("gres", "gres"),
    ):
        if value := resources.get(resource):
            options[option] = str(value)
    gpus = int(resources.get("gpu") or 0)
    model = str(resources.get("gpu_model") or "")
    if model and "gres" not in options:
        gpus = gpus or 1
    if gpus and "gres" in options:
        raise WorkflowError(f"rule {rule}: resources gpu and gres ask for the same thing; give one of them")
    if model and not re.fullmatch(r"[\w.-]+", model):
        raise WorkflowError(
            f"rule {rule}: resource gpu_model={model!r} is no model; allowed are letters, digits, . _ -"
        )
    if gpus:
        options["gpus"] = f"{model}:{gpus}" if model else str(gpus)
    options |= _extra(str(resources.get("slurm_extra") or ""), rule)
    return Request(
        name=rule,
        minutes=max(1, int(resources.get("runtime") or DEFAULT_MINUTES)),
        threads=max(1, job.threads),
        mem_mb=int(resources.get("mem_mb") or 0),
        gpus=gpus or _count(options.get("gres", "")),
        slurm=tuple(sorted(options.items())),
    )


def _extra(text: str, rule: str) -> dict[str, str]:
    """``--key=value --flag`` as a dictionary; a flag has the value ''."""
    options = {}
    for word in shlex.split(text):
        key, _, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise WorkflowError(f"rule {rule}: slurm_extra={text!r}: write every option as --name or --name=value")
        if key in _OURS:
            raise WorkflowError(
                f"rule {rule}: slurm_extra may not set --{key}: use the resource for it (threads, mem_mb, runtime, "
                "gpu, gres, slurm_partition, slurm_account, constraint, qos, nodes)"
            )
        options[key] = value
    return options


def _count(gres: str) -> int:
    """How many GPUs ``gpu:2`` or ``gpu:a100:2`` means."""
    words = gres.split(":")
    if words[0] != "gpu":
        return 0
    return int(words[-1]) if words[-1].isdigit() else 1
