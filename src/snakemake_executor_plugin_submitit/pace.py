"""How many allocations are submitted at once, and when, to a cluster that has limits."""

from __future__ import annotations

import time


class Pace:
    """Less at once while the cluster says that it is too much, and later while it takes nothing.

    Parameters
    ----------
    shortest, longest
        Seconds of the first pause, and of the longest.

    Attributes
    ----------
    most
        How many may be submitted at once.
    """

    def __init__(self, shortest: float, longest: float) -> None:
        self.most = 10**6
        self._shortest, self._longest = shortest, longest
        self._pause = shortest
        self._next = 0.0

    @property
    def is_pause(self) -> bool:
        """Whether to submit nothing now."""
        return time.monotonic() < self._next

    def taken(self) -> None:
        """The cluster took a submission: the next one may be larger."""
        self.most *= 2
        self._pause = self._shortest

    def refused(self, number: int, *, is_too_many: bool) -> None:
        """It did not take so many, and may take them later, or a part of too many now."""
        if is_too_many and number > 1:
            self.most = number // 2
            return
        self._next = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, self._longest)
