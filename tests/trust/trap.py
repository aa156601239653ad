"""Halts a process just before or after it gives a file its name, until it is killed there or let go.

A trap is set in the start-up of a test's process: by :func:`set_trap` in a forked child, or by the environment in every
Python that a ``sitecustomize`` of :func:`start_up` reaches. Only the first process that walks into it halts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path

VARIABLE = "TRUST_TRAP"


@dataclass(frozen=True)
class Trap:
    """Where to halt.

    Attributes
    ----------
    pattern
        Of the path that a file gets, with ``*``.
    is_after
        Just after it has its name, instead of just before.
    count
        At which of a process's renames to that pattern, from 1.
    """

    pattern: str
    is_after: bool
    count: int = 1


def set_trap(trap: Trap, folder: Path) -> None:
    """Set a trap in this process; ``folder`` gets ``hit`` when one halts, and is looked at for ``go``."""
    seen = 0

    def halting(rename: Callable[..., None]) -> Callable[..., None]:
        def renamed(source: os.PathLike[str], target: os.PathLike[str], **words: int) -> None:
            nonlocal seen
            is_meant = fnmatch(os.fspath(target), trap.pattern)
            seen += is_meant
            is_here = is_meant and seen == trap.count
            if is_here and not trap.is_after:
                _halt(folder)
            rename(source, target, **words)
            if is_here and trap.is_after:
                _halt(folder)

        return renamed

    os.rename, os.replace = halting(os.rename), halting(os.replace)  # type: ignore[assignment]


def start_up(folder: Path, trap: Trap | None) -> dict[str, str]:
    """The environment in which every Python sets that trap when it starts; ``folder`` is for the trap's own files."""
    folder.mkdir(parents=True, exist_ok=True)
    tests = str(Path(__file__).parents[1])
    text = f"import sys\nsys.path.append({tests!r})\nfrom trust import trap\ntrap.by_environment()\n"
    (folder / "sitecustomize.py").write_text(text)
    # They start elsewhere: a relative folder would be none there, and another package be found.
    own = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    path = os.pathsep.join([str(folder), *own])
    return {"PYTHONPATH": path} | ({VARIABLE: json.dumps([asdict(trap), str(folder)])} if trap else {})


def by_environment() -> None:
    """Set the trap that the environment names, if it names one."""
    if text := os.environ.get(VARIABLE):
        trap, folder = json.loads(text)
        set_trap(Trap(**trap), Path(folder))


def _halt(folder: Path) -> None:
    try:
        os.close(os.open(folder / "hit", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    while not (folder / "go").exists():
        time.sleep(0.005)
