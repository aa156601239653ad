"""The one training loop, for every task and every network.

Step k scores the prediction after exactly k updates, then updates: scores exist for k = 0 ... steps, and the last one
is of the weights that are stored (protocol.md, optimiser and metrics). Full batch, Adam, no schedule, no clipping.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from sirenbench.engine.build import architecture, encode, initial_parameters
from sirenbench.engine.curves import Curves
from sirenbench.engine.mlp import BatchedMlp, aligned, layer_views
from sirenbench.metrics.base import Scorer
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Problem, View

METRICS = ("psnr", "ssim")


class Trainer:
    """All replicates of a cell, trained together; can stop at any step and go on with the same bits.

    Parameters
    ----------
    spec, problem
        The cell, and what its task made of it.
    device
        Where to train.
    dtype
        float32, as the paper ran; float64 for tests.
    """

    def __init__(
        self, spec: CellSpec, problem: Problem, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        self.steps = int(spec["steps"])
        self.step = 0
        self.training_seconds = 0.0
        self.metrics_seconds = 0.0
        self.problem = problem
        self._architecture = architecture(spec)
        parameters = aligned(initial_parameters(spec, self._architecture.layers).to(device, dtype))
        self.network = BatchedMlp(self._architecture.layers, self._architecture.activations, parameters)
        self._weights = torch.nn.Parameter(parameters)
        self._weights.grad = self.network.gradient
        self._adam = torch.optim.Adam([self._weights], lr=float(spec["lr"]), fused=True)
        self._training = _Grid(spec, problem.training, self.replicates, device, dtype)
        self._is_two = problem.scored is not problem.training
        self._scored = _Grid(spec, problem.scored, self.replicates, device, dtype) if self._is_two else self._training
        self._score = Scorer(problem.scored.unit().to(device), METRICS)
        self._fit_score = Scorer(problem.training.unit().to(device), ("psnr",)) if self._is_two else None
        columns = ("loss", *METRICS, *(("fit_psnr",) if self._is_two else ()))
        self.curves = Curves(self.steps, problem.every, self.replicates, columns, device)

    @property
    def replicates(self) -> int:
        return self.network.replicates

    @property
    def parameters(self) -> int:
        """Weights and biases of one replicate."""
        return self._architecture.parameters

    def run(self, until: int | None = None, after_step: Callable[[int], bool] = lambda step: True) -> bool:
        """Train up to and with step ``until`` (the last if None).

        ``after_step`` is told every finished step and may answer False to stop there.

        Returns
        -------
        bool
            Whether the last step was scored, that is, the cell is finished.
        """
        last = self.steps if until is None else until
        while self.step <= last:
            self._one_step()
            if not after_step(self.step - 1):
                break
        return self.step > self.steps

    def prediction(self) -> torch.Tensor:
        """The scored image by the weights as they are, (R, H, W, C) in [-1, 1], not clipped."""
        with torch.no_grad():
            self.network.predict(self._scored.inputs, self._scored.prediction)
        return self._scored.prediction_image()

    def state(self) -> dict[str, torch.Tensor]:
        """Everything needed to go on with the same bits."""
        moments = self._adam.state.get(self._weights, {})
        return {
            "parameters": self._weights.detach(),
            "curves": self.curves.values,
            "curve_seconds": torch.from_numpy(self.curves.seconds),
            "step": torch.tensor(self.step),
            "clocks": torch.tensor([self.training_seconds, self.metrics_seconds], dtype=torch.float64),
            **{f"adam.{key}": value for key, value in moments.items()},
        }

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from a :meth:`state` of the same cell."""
        self._weights.data.copy_(state["parameters"])
        self.curves.values.copy_(state["curves"])
        self.curves.seconds[:] = state["curve_seconds"].numpy()
        self.step = int(state["step"])
        self.training_seconds, self.metrics_seconds = state["clocks"].tolist()
        moments = {key.removeprefix("adam."): value for key, value in state.items() if key.startswith("adam.")}
        if moments:
            device = self._weights.device
            self._adam.state[self._weights] = {key: value.to(device).clone() for key, value in moments.items()}

    def weights(self) -> dict[str, torch.Tensor]:
        """Tensors of every layer, (R, ...) each, as stored in ``weights.safetensors``."""
        views = layer_views(self._architecture.layers, self._weights.detach().cpu())
        named = {}
        for index, (weight, bias) in enumerate(views):
            named[f"layers.{index}.weight"] = weight.contiguous()
            named[f"layers.{index}.bias"] = bias.contiguous()
        return named

    def _one_step(self) -> None:
        began = time.perf_counter()
        is_last = self.step == self.steps
        grid = self._training
        with torch.no_grad():
            if is_last:
                self.network.predict(grid.inputs, grid.prediction)
            else:
                self.network.step(grid.inputs, grid.targets, grid.prediction)
            self.training_seconds += time.perf_counter() - began
            if self.curves.wants(self.step):
                self._measure()
            if not is_last:
                began = time.perf_counter()
                self._adam.step()
                self.training_seconds += time.perf_counter() - began
        self.step += 1

    def _measure(self) -> None:
        began = time.perf_counter()
        grid = self._training
        scores = {"loss": (grid.prediction - grid.targets).square().mean(dim=(1, 2))}
        if self._fit_score is not None:
            self.network.predict(self._scored.inputs, self._scored.prediction)
            scores["fit_psnr"] = self._fit_score(grid.prediction_image())["psnr"]
        scores |= self._score(self._scored.prediction_image())
        self.curves.put(self.step, self.training_seconds, scores)
        self.metrics_seconds += time.perf_counter() - began


class _Grid:
    """A view as the engine wants it: inputs (N, F), targets (N, C), and room for predictions (R, N, C)."""

    def __init__(self, spec: CellSpec, view: View, replicates: int, device: torch.device, dtype: torch.dtype) -> None:
        self.side = view.side
        self.inputs = encode(spec, view.coordinates()).to(device, dtype)
        self.targets = view.values().to(device, dtype)
        self.prediction = torch.zeros(replicates, *self.targets.shape, device=device, dtype=dtype)

    def prediction_image(self) -> torch.Tensor:
        return self.prediction.unflatten(1, (self.side, self.side))
