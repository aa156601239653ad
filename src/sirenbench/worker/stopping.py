"""When a training cell has to stop before its end: it is asked to, or the job that it runs in is about to end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

END_VARIABLE = "SLURM_JOB_END_TIME"  # set by Slurm: Unix time at which the job's time limit ends it
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
_LEAST_MARGIN = 20.0
_LONGEST_GAPS = 3


class Stop:
    """Asked after every step, tells whether to stop there.

    The last checkpoint has to be written before the end. So the margin is three times the longest time between two
    questions, a step with the checkpoint that may be written after it, and at least 20 seconds.

    Parameters
    ----------
    end
        Unix time at which the job ends; None if it is not known.

    Attributes
    ----------
    reason
        Why to stop; empty while there is no reason to.
    """

    def __init__(self, end: float | None) -> None:
        self.reason = ""
        self._end = end
        self._longest = 0.0
        self._last = time.time()

    def ask(self, number: int) -> None:
        """A signal asks to stop."""
        self.reason = f"asked by {signal.Signals(number).name}"

    def __call__(self) -> bool:
        now = time.time()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        if self._end is not None and now + max(_LEAST_MARGIN, _LONGEST_GAPS * self._longest) > self._end:
            self.reason = self.reason or f"its job ends in {max(0.0, self._end - now):.0f} s"
        return bool(self.reason)


@contextmanager
def stop_in_time() -> Iterator[Stop]:
    """While open, SIGTERM, SIGINT and SIGUSR2 ask to stop, and so does the end of the Slurm job."""
    stop = Stop(_end_of_job())
    before = {number: signal.signal(number, lambda number, frame: stop.ask(number)) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_of_job() -> float | None:
    text = os.environ.get(END_VARIABLE, "")
    return float(text) if text.isdigit() else None
