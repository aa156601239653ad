"""Where the progress of a run is shown: a log gets lines, and a terminal gets a bar (see ``bar``)."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TextIO

from sirenbench.progress import Beat
from snakemake_logger_plugin_sirenbench.tally import Ended, Tally, clock


class Screen(ABC):
    """Shows a tally while cells run. Only the thread that handles Snakemake's events calls it.

    Attributes
    ----------
    interval
        Seconds between two calls of :meth:`tick`, in a thread of its own, from :meth:`show` to :meth:`hide`.
    """

    interval: float

    def __init__(self, tally: Tally, stream: TextIO) -> None:
        self.tally = tally
        self.stream = stream
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def show(self) -> None:
        """Cells run: keep showing them. May be called again."""
        if self._ticker is None:
            self.begin()
            self._stop.clear()
            self._ticker = threading.Thread(target=self._run, daemon=True, name="progress")
            self._ticker.start()

    def hide(self) -> None:
        """Stop showing. May be called again."""
        if self._ticker is not None:
            self._stop.set()
            self._ticker.join()
            self._ticker = None
            self.end()

    def _run(self) -> None:
        while not self._stop.wait(self.interval):
            self.tick()

    def begin(self) -> None:  # noqa: B027
        """What :meth:`show` does first."""

    def end(self) -> None:  # noqa: B027
        """What :meth:`hide` does last."""

    @abstractmethod
    def tick(self) -> None:
        """Tell how it stands."""

    @abstractmethod
    def ended(self, end: Ended) -> None:
        """A cell has ended, but not failed."""

    def failed(self, end: Ended) -> None:
        """A cell has failed: say why, where to look, and how to run it again."""
        lines = [f"{self.place} FAILED {end.cell.name} after {end.seconds:.1f} s"]
        lines += [f"    reason: {end.reason}"] if end.reason else []
        lines += [f"    log: {end.cell.log}"] if end.cell.log else []
        self.say("\n".join([*lines, f"    again: snakemake -f {end.cell.target}"]))

    def summary(self) -> None:
        self.say(f"cells: {self.tally.counts()} in {clock(self.tally.seconds)}")

    def say(self, text: str) -> None:
        """Write a line; nobody may be there to read it."""
        with suppress(OSError, ValueError):
            self.stream.write(f"{text}\n")
            self.stream.flush()

    @property
    def place(self) -> str:
        return f"[{len(self.tally.ended)}/{self.tally.total}]"


class Lines(Screen):
    """For a log: one line a cell, and now and then a summary."""

    interval = 30.0

    def ended(self, end: Ended) -> None:
        note = "" if end.state == "ok" else f", {end.state.replace('-', ' ')}: {end.reason}"
        self.say(f"{self.place} {end.cell.name} {end.seconds:.1f} s{note}")

    def tick(self) -> None:
        cells = [" ".join(filter(None, (cell.name, *told(beat)))) for cell, beat in self.tally.beats() if beat]
        more = f" and {len(cells) - 3} more" if len(cells) > 3 else ""
        running = f"; {', '.join(cells[:3])}{more}" if cells else ""
        self.say(f"cells: {self.tally.counts()} after {clock(self.tally.seconds)}{running}")


def told(beat: Beat | None) -> tuple[str, str, str]:
    """How far a cell is, how good, and how long it still takes: ``step 412/1000``, ``31.24 dB``, ``1:10 left``."""
    if beat is None:
        return "no step yet", "", ""
    psnr = "" if beat.psnr is None else f"{beat.psnr:.2f} dB"
    left = "" if beat.seconds_left is None else f"{clock(beat.seconds_left)} left"
    return f"step {beat.step}/{beat.steps}", psnr, "no sign of life" if beat.is_stale else left
