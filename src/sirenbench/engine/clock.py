"""How long work takes on a device, added up without waiting for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """Of work that is done when its call returns.

    Attributes
    ----------
    seconds
        Of all work so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is done within the block."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    def read(self) -> float:
        """The seconds of the work that is done by now."""
        return self.seconds

    def settle(self) -> None:
        """Wait until all of it is done."""


class GpuClock(Clock):
    """Of work that a GPU was given, between two marks in its queue: the host runs ahead of it."""

    def __init__(self) -> None:
        super().__init__()
        self._open: deque[tuple[torch.cuda.Event, torch.cuda.Event]] = deque()

    @contextmanager
    def running(self) -> Iterator[None]:
        began = _mark()
        yield
        self._open.append((began, _mark()))

    def read(self) -> float:
        while self._open and self._open[0][1].query():
            began, ended = self._open.popleft()
            self.seconds += began.elapsed_time(ended) / 1e3
        return self.seconds

    def settle(self) -> None:
        if self._open:
            self._open[-1][1].synchronize()
        self.read()


def clock_for(device: torch.device) -> Clock:
    """That of a device."""
    return GpuClock() if device.type == "cuda" else Clock()


def _mark() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event
