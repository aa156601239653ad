"""Independent pieces of a step on several threads, each of which works alone.

Whole chunks on threads of our own are faster than threads inside each operation, which have to wait for each other
after every one of them. PyTorch and NumPy leave the interpreter's lock while they compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from threadpoolctl import threadpool_limits


class Threads:
    """``count`` threads that live as long as this object; none at all for one.

    From the first of them on, NumPy's products of this process have no threads of their own: with them ours
    would wait for each other, and the bits of a product would depend on how it was divided.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        _keep_products_to_one_thread()
        self._pool = None
        if count > 1:
            self._pool = ThreadPoolExecutor(count, "engine", initializer=torch.set_num_threads, initargs=(1,))

    def run(self, work: Callable[..., object], pieces: Iterable[tuple[Any, ...]]) -> None:
        """Call ``work`` with each of the pieces; returns when all are done, and raises what any of them raised."""
        if self._pool is None:
            for piece in pieces:
                work(*piece)
            return
        pending = [self._pool.submit(work, *piece) for piece in pieces]
        wait(pending)  # none may still write when an error of another is told
        for done in pending:
            done.result()


@contextmanager
def on_one_thread() -> Iterator[None]:
    """While open, PyTorch's own operations have one thread, and sums the same bits however many the process has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def _keep_products_to_one_thread() -> None:
    threadpool_limits(1, user_api="blas")
