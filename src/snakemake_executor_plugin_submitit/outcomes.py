"""How a job ended, told by a file on the shared file system: the worker writes it, the head process reads it.

The queue and the accounting database of a cluster may be slow, restarted or away; the file is there all the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar


@dataclass(frozen=True)
class Outcome:
    """The end of one job.

    Attributes
    ----------
    exit
        Exit status of its command; negative for the number of a signal.
    reason
        Why it failed where the exit status does not say it.
    host, started, ended
        Where and when it ran, Unix time.
    """

    exit: int
    reason: str = ""
    host: str = ""
    started: float = 0.0
    ended: float = 0.0

    @property
    def why(self) -> str:
        """Why it failed, in words."""
        return self.reason or f"exit status {self.exit}"


class Outcomes:
    """The folder of outcomes, one file a job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, outcome: Outcome) -> None:
        """Write the outcome of a job in one go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(key), asdict(outcome))

    def read(self, key: str) -> Outcome | None:
        """The outcome of a job, None while there is none."""
        return read_as(Outcome, self._path(key))

    def keys(self) -> Iterator[str]:
        """The jobs that have an outcome, by one look at the folder."""
        with suppress(OSError):  # a shared file system that is away for a moment, too
            yield from (name.removesuffix(".json") for name in os.listdir(self._folder) if name.endswith(".json"))

    def forget(self, packs: Collection[str]) -> None:
        """Remove the outcomes of packs that are over."""
        for key in self.keys() if packs else ():
            if pack_of(key) in packs:
                self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def pack_of(key: str) -> str:
    """Name of the pack that a job is in; no two submissions have one in common."""
    return key.rpartition("-")[2]


Told = TypeVar("Told")


def read_as(kind: type[Told], path: Path) -> Told | None:
    """What :func:`write_atomically` wrote of a data class of numbers and texts; None where it cannot be read as one."""
    try:
        told = kind(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    has_its_types = all(type(getattr(told, field.name)).__name__ == field.type for field in fields(told))  # type: ignore[arg-type]
    return told if has_its_types else None


def write_atomically(path: Path, content: dict[str, object]) -> None:
    """Write JSON that is there as a whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, allow_nan=False))
    temporary.replace(path)
