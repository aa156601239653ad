"""Where and with what a record was made, read off the machine by the worker itself."""

from __future__ import annotations

import os
import platform
import resource
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import sirenbench
from sirenbench.records import Provenance


def now() -> str:
    """The time as UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(numerics: str, device: torch.device, started: str, resumed: int) -> Provenance:
    """The provenance of a cell that ends now."""
    is_cuda = device.type == "cuda"
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return Provenance(
        package=sirenbench.__version__,
        numerics=numerics,
        git_commit=commit,
        git_dirty=None if commit is None or changes is None else bool(changes),
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
        cuda=torch.version.cuda if is_cuda else None,
        driver=_driver() if is_cuda else None,
        device=device_name(device),
        threads=torch.get_num_threads(),
        host=socket.gethostname(),
        slurm_job_id=os.environ.get("SLURM_JOB_ID"),
        started=started,
        ended=now(),
        resumed=resumed,
    )


def device_name(device: torch.device) -> str:
    """The model of a GPU, or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


def peak_memory_mib(device: torch.device) -> float:
    """The most memory this process has held: on the GPU for a GPU cell, else in main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def process_age_seconds() -> float:
    """Seconds since this process was started, imports included."""
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = float(stat[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text().split()[0]) - started


def _git(*words: str) -> str | None:
    """What git says of the source tree this package runs from; None outside a checkout or without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *words], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _driver() -> str | None:
    words = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.splitlines()[0].strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
