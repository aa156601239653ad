"""A sign of life from a training cell: how far it is, how good, and how long it still takes.

The worker writes ``progress.json`` into its cell's folder at most once a second; whoever watches the run, on the
same machine or across a shared file system, reads it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sirenbench.records import PROGRESS

INTERVAL = 1.0  # seconds between two beats
STALE = 60.0  # seconds of silence after which a cell may be dead


class Beat(BaseModel):
    """What a training cell last told of itself.

    Attributes
    ----------
    psnr
        In dB, mean over the replicates; None where there is none yet or it is not finite, for which JSON has no word.
    seconds_left
        None until the speed is known.
    updated
        Unix time.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    name: str
    step: int
    steps: int
    psnr: float | None
    seconds_left: float | None
    updated: float

    @property
    def is_stale(self) -> bool:
        return time.time() - self.updated > STALE


class Heartbeat:
    """Tells of one cell's progress.

    Parameters
    ----------
    folder
        The cell's folder.
    name
        The cell's name.
    steps
        How many steps it trains in all.
    """

    def __init__(self, folder: Path, name: str, steps: int) -> None:
        self._path = folder / PROGRESS
        self._temporary = folder / f".{PROGRESS}"
        self._name = name
        self._steps = steps
        self._last: tuple[float, int] | None = None

    def beat(self, step: int, psnr: Callable[[], float | None]) -> None:
        """Tell that ``step`` steps are done, unless the last beat is younger than a second.

        ``psnr`` is called only if a beat is due: it may wait for a GPU.
        """
        now = time.monotonic()
        if self._last and now - self._last[0] < INTERVAL:
            return
        value = psnr()
        beat = Beat(
            name=self._name,
            step=step,
            steps=self._steps,
            psnr=value if value is not None and math.isfinite(value) else None,
            seconds_left=self._seconds_left(now, step),
            updated=time.time(),
        )
        self._last = now, step
        self._write(beat.model_dump_json())

    def close(self) -> None:
        """Take the sign of life away: the cell has ended."""
        for path in (self._path, self._temporary):
            path.unlink(missing_ok=True)

    def _seconds_left(self, now: float, step: int) -> float | None:
        if self._last is None or step <= self._last[1]:
            return None
        then, before = self._last
        return (self._steps - step) * (now - then) / (step - before)

    def _write(self, text: str) -> None:
        # Not forced to the disk, unlike records: on a shared file system that could take longer than the step.
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.write_text(text, encoding="utf-8")
            self._temporary.replace(self._path)
        except OSError:
            pass  # a missed beat must not end a training


def living_beat(folder: Path) -> Beat | None:
    """The last beat of the cell in ``folder`` while it trains; None if there is none or it is stale."""
    beat = read_heartbeat(folder)
    return None if beat is None or beat.is_stale else beat


def read_heartbeat(folder: Path) -> Beat | None:
    """The last beat of the cell in ``folder``; None if there is none or it is damaged."""
    try:
        return Beat.model_validate_json((folder / PROGRESS).read_bytes())
    except (OSError, ValidationError):
        return None
