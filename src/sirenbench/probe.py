"""A short look at how fast this machine trains. PyTorch is imported when it is first asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sirenbench import catalog
from sirenbench.cost import work_of
from sirenbench.lazy import torch
from sirenbench.names import make_spec
from sirenbench.spec import CellSpec

if TYPE_CHECKING:
    import numpy as np

    from sirenbench.pace import Kind, Machine

_SECONDS = 0.3  # of each look
_FILES_SECONDS = 1.0  # of a process: reading the image, writing the files
_REPLICATES = 4  # on a GPU, which takes all at once
_LOOK = 0.01  # seconds of each look at a matrix product
PRODUCTS = {"cpu": ((512, 256), (1024, 256), (1024, 512)), "cuda": ((65_536, 512), (8192, 4096))}  # rows, width


@dataclass
class Probe:
    """Times real training steps of small cells.

    Attributes
    ----------
    timed
        What it was asked for so far, in words.
    """

    machine: Machine
    timed: list[str] = field(default_factory=list)

    def network(self, kind: Kind) -> float:
        """Operations per second in training and scoring a network of a kind."""
        spec = self.cell(kind)
        device = self._device
        from sirenbench.engine.trainer import Trainer

        trainer = Trainer(spec, catalog.tasks()[spec.task].problem(spec, _picture), device)
        trainer.run(until=0)  # the first step makes room for all others
        steps, seconds = self._times(lambda: trainer.run(until=trainer.step))
        self.timed.append(str(kind))
        return work_of(spec).network / int(spec["steps"]) * steps / seconds

    def loss(self) -> float:
        """Operations per second in VGG19, with weights of no meaning."""
        device = self._device
        from sirenbench.losses.features import VGG19
        from sirenbench.losses.vgg import SIDE, Frozen

        shapes = [(c.fan_out, c.fan_in, 3, 3) for c in VGG19.convolutions()]
        weights = [values for shape in shapes for values in (torch.full(shape, 1e-3), torch.zeros(shape[0]))]
        objective = Frozen(VGG19, weights, torch.zeros(64, 64, 1, device=device), 1)
        image = torch.ones(1, 64, 64, 1, device=device)
        calls, seconds = self._times(lambda: objective(image))
        self.timed.append("VGG")
        return calls * 2 * VGG19.flop(SIDE) / seconds

    @cached_property
    def overhead(self) -> float:
        """Seconds of a process beside its numbers: mostly those of its imports."""
        began = time.process_time()
        import sirenbench.worker.train  # noqa: F401

        return time.process_time() - began + _FILES_SECONDS

    def cell(self, kind: Kind) -> CellSpec:
        """A small cell of the kind; on a GPU one of as many pixels, in which its speed lies."""
        side, replicates = 32 if kind.width > 512 else 64, 1
        if kind.scale:
            side, replicates = max(8, round((8**kind.scale / _REPLICATES) ** 0.5)), _REPLICATES
        task = {"task": "fit"} if kind.field == "value" else {"task": "poisson", "supervision": kind.field}
        shape = {"image": "probe", "size": side, "arm": kind.network, "depth": 2, "width": kind.width}
        return make_spec(task | shape | {"steps": 10_000, "replicates": replicates} | {"precision": kind.precision})

    @cached_property
    def _device(self) -> torch.device:
        self.overhead  # noqa: B018, times the imports before anything else needs them
        torch.set_num_threads(self.machine.threads)
        return torch.device("cuda" if self.machine.is_gpu else "cpu")

    def _times(self, step: Callable[[], object]) -> tuple[int, float]:
        """How many steps were done, and in how many seconds."""
        count, seconds, began = 0, 0.0, self._now()
        while seconds < _SECONDS:
            step()
            count, seconds = count + 1, self._now() - began
        return count, seconds

    def _now(self) -> float:
        if self.machine.is_gpu:
            torch.cuda.synchronize()  # it is handed its work ahead of time
            return time.perf_counter()
        # Of the cores alone, so that what else the machine is doing does not count.
        return time.process_time() / self.machine.threads


def matrix_peak(device: torch.device) -> float:
    """Operations per second in the best of some float32 matrix products, with PyTorch's present threads.

    No training step can be faster: nearly all of its operations are such products. It takes a tenth of a second, by
    the clock on the wall, as training is timed.
    """
    return max(_product_rate(device, *shape) for shape in PRODUCTS[device.type] for _ in range(2))


def product_on_each_thread(device: torch.device, rows: int, width: int) -> tuple[Callable[[], None], int]:
    """A matrix product as the engine takes it, on every thread that it has, and the operations of them all."""
    from sirenbench.engine.passes.base import product
    from sirenbench.engine.threads import Threads

    threads = Threads(torch.get_num_threads() if device.type == "cpu" else 1)
    generator = torch.Generator(device).manual_seed(0)
    a, b = (torch.rand(1, n, width, device=device, generator=generator) for n in (rows, width))
    rooms = [(a, b, torch.empty_like(a)) for _ in range(threads.count)]
    return lambda: threads.run(product, rooms), threads.count * 2 * rows * width**2


def _product_rate(device: torch.device, rows: int, width: int) -> float:
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    multiply, flop = product_on_each_thread(device, rows, width)
    multiply()
    wait()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < _LOOK:
        for _ in range(4):
            multiply()
        wait()
        count += 4
    return count * flop / (time.perf_counter() - began)


def _picture(side: int, kernel: str) -> np.ndarray:
    import numpy as np

    return np.add.outer(np.arange(side), np.arange(side)).astype(np.uint8)
