"""What a job asks of the cluster: Snakemake's resources as parameters of sbatch."""

from __future__ import annotations

import math
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
    "clusters", "parsable", "test-only", "wait",
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

    def lead(self, seconds: int) -> int:
        """How long before the end the signal comes, if ``seconds`` are wanted."""
        return lead(seconds, self.minutes)


def lead(seconds: int, minutes: int) -> int:
    """How long before a time limit the signal comes: as wanted, but not in the first two thirds of a short job."""
    return min(seconds, 20 * minutes)


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
    gpus = _number(resources, "gpu", rule)
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
        minutes=_number(resources, "runtime", rule) or DEFAULT_MINUTES,
        threads=max(1, job.threads),
        mem_mb=_number(resources, "mem_mb", rule),
        gpus=gpus or _count(options.get("gres", "")),
        slurm=tuple(sorted(options.items())),
    )


def _number(resources: Mapping[str, Any], name: str, rule: str) -> int:
    """A resource that is a whole number; 0 if it is not given."""
    value = resources.get(name) or 0
    try:
        number = math.ceil(float(value))
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0:
        raise WorkflowError(f"rule {rule}: resource {name}={value!r}; allowed are whole numbers from 0 on")
    return number


def _extra(text: str, rule: str) -> dict[str, str]:
    """``--key=value --flag`` as a dictionary; a flag has the value ''."""
    options = {}
    for word in shlex.split(text):
        key, _, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise WorkflowError(f"rule {rule}: slurm_extra={text!r}: write every option as --name or --name=value")
        if key in _OURS:
            raise WorkflowError(
                f"rule {rule}: slurm_extra may not set --{key}, which the executor does itself or by a resource "
                "(threads, mem_mb, runtime, gpu, gres, slurm_partition, slurm_account, constraint, qos, nodes)"
            )
        options[key] = value
    return options


def _count(gres: str) -> int:
    """How many GPUs ``gpu:2``, ``gpu:a100:2`` or ``gpu:1,license:3`` means."""
    parts = [part.split(":") for part in gres.split(",")]
    return sum(int(words[-1]) if words[-1].isdigit() else 1 for words in parts if words[0] == "gpu")
