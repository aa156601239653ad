"""How long work takes on a device, added up without waiting for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
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

    def tell(self, whom: Callable[[float], None]) -> None:
        """Call with the seconds of all work up to here, as soon as they are known."""
        whom(self.seconds)

    def settle(self) -> None:
        """Wait until all of it is done."""


class GpuClock(Clock):
    """Of work that a GPU was given, between two marks in its queue: the host runs ahead of it."""

    def __init__(self) -> None:
        super().__init__()
        self._open: deque[tuple[torch.cuda.Event, torch.cuda.Event] | Callable[[float], None]] = deque()

    @contextmanager
    def running(self) -> Iterator[None]:
        began = _mark()
        yield
        self._open.append((began, _mark()))

    def read(self) -> float:
        while self._open:
            match self._open[0]:
                case (began, ended):
                    if not ended.query():
                        break
                    self.seconds += began.elapsed_time(ended) / 1e3
                case whom:
                    whom(self.seconds)
            self._open.popleft()
        return self.seconds

    def tell(self, whom: Callable[[float], None]) -> None:
        self._open.append(whom)
        self.read()

    def settle(self) -> None:
        for interval in self._open:
            if isinstance(interval, tuple):
                interval[1].synchronize()
        self.read()


def clock_for(device: torch.device) -> Clock:
    """That of a device."""
    return GpuClock() if device.type == "cuda" else Clock()


def _mark() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event
