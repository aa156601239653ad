"""Work that a GPU repeats as a whole: a step of a small network is hundreds of kernels that take longer to launch one
by one than to run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch

log = logging.getLogger(__name__)

# From some work to what repeats it, without having done it. Raises RuntimeError where it cannot be recorded.
Recorder: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]

# What is repeated may be summed by another of the GPU's algorithms; a mistake is larger than that.
_ROUNDING = 1e-4


class Replayed:
    """Work on tensors that stay where they are, recorded once and only repeated from then on.

    Parameters
    ----------
    name
        For the warning.
    work
        What is done.
    tensors
        All that it changes.
    record
        None where there is nothing to gain.
    """

    def __init__(
        self, name: str, work: Callable[[], None], tensors: Sequence[torch.Tensor], record: Recorder | None
    ) -> None:
        self._name = name
        self._work = work
        self._tensors = list(tensors)
        self._record = record
        self._do = work

    def __call__(self) -> None:
        self._do()

    def prepare(self) -> None:
        """Record it, before anything is timed; the tensors are left as they are.

        It is done as it is written, and then once more, from the same state, as it was recorded. Where it cannot be
        recorded, or the two differ by more than rounding, a warning is logged, and every call does it as written: the
        numbers are the same either way.
        """
        if self._record is None:
            return
        before = _copies(self._tensors)
        self._work()
        after = _copies(self._tensors)
        try:
            replay = self._record(self._work)
            _put(self._tensors, before)
            replay()
        except RuntimeError as error:
            log.warning(
                "%s cannot be recorded on this GPU (%s); its kernels are launched one by one", self._name, error
            )
        else:
            if all(map(_near, self._tensors, after)):
                self._do = replay
            else:
                log.warning(
                    "%s gives other numbers when it is repeated; its kernels are launched one by one", self._name
                )
        _put(self._tensors, before)


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """The :data:`Recorder` of a GPU."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def recorder_for(device: torch.device) -> Recorder | None:
    """That of a device, if it has one."""
    return cuda_graph if device.type == "cuda" else None


def _copies(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [values.clone() for values in tensors]


def _put(tensors: Sequence[torch.Tensor], contents: Sequence[torch.Tensor]) -> None:
    for values, content in zip(tensors, contents, strict=True):
        values.copy_(content)


def _near(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """But for rounding, by the largest of them; what is not finite has to be so in both."""
    finite = theirs[theirs.isfinite()]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(ours, theirs, rtol=0.0, atol=_ROUNDING * largest, equal_nan=True)
