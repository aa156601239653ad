"""The one training loop, for every task and every network.

Step k scores the prediction after exactly k updates, then updates: scores exist for k = 0 ... steps, and the last one
is of the weights that are stored (protocol.md, optimiser and metrics). Full batch, Adam, no schedule, no clipping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from sirenbench import catalog
from sirenbench.activation_statistics import Statistics
from sirenbench.adam import Adam
from sirenbench.cost import loss_flop, parameters_of
from sirenbench.engine.activations import measure
from sirenbench.engine.batched import aligned
from sirenbench.engine.build import drawn, encode, encode_with_derivatives, network_of
from sirenbench.engine.clock import clock_for
from sirenbench.engine.criterion import Given, Pointwise
from sirenbench.engine.curves import Curves
from sirenbench.engine.derivatives import Derivatives, derivatives
from sirenbench.engine.inputs import Inputs
from sirenbench.engine.mlp import BatchedMlp
from sirenbench.engine.precision import check_precision
from sirenbench.engine.replay import Recorder, Replayed, recorder_for
from sirenbench.engine.threads import on_one_thread
from sirenbench.losses.base import Objective
from sirenbench.metrics.base import Scorer
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Problem, View


class Trainer:
    """All replicates of a cell, trained together; can stop at any step and go on with the same bits.

    Parameters
    ----------
    spec, problem
        The cell, and what its task made of it.
    device
        Where to train.
    assets
        The files that the cell's loss needs, by name.
    dtype
        float32, as the paper ran; float64 for tests.

    Raises
    ------
    UserError
        If the device cannot multiply in the cell's precision.
    """

    def __init__(
        self,
        spec: CellSpec,
        problem: Problem,
        device: torch.device,
        assets: Mapping[str, Path] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        check_precision(str(spec["precision"]), device)
        self.steps = int(spec["steps"])
        self.step = 0
        self.problem = problem
        self._spec = spec
        self._training_clock, self._metrics_clock = clock_for(device), clock_for(device)
        self.parameters = parameters_of(spec)
        parameters = aligned(drawn(spec).to(device, dtype))
        self.network = network_of(spec, parameters)
        self._weights = parameters
        self._adam = Adam([parameters], lr=float(spec["lr"]))
        self._criterion = Pointwise(
            problem.supervision.field,
            problem.supervision.form,
            torch.from_numpy(problem.supervision.targets).to(device, dtype),
        )
        self._training = _Grid(spec, problem.training, self.replicates, like=parameters, criterion=self._criterion)
        self._is_two = problem.scored is not problem.training
        self._scored = self._training
        if self._is_two:
            self._scored = _Grid(spec, problem.scored, self.replicates, like=parameters)
        self._objective = _objective(spec, problem.training, self.replicates, device, assets or {})
        self._score = Scorer(problem.scored.unit().to(device), problem.metrics)
        self._fit_score = Scorer(problem.training.unit().to(device), ("psnr",)) if self._is_two else None
        columns = ("loss", *problem.metrics, *(("fit_psnr",) if self._is_two else ()))
        self.curves = Curves(self.steps, problem.every, self.replicates, columns, device)
        self._loss: torch.Tensor | None = None
        self._latest = torch.zeros(self.replicates, len(columns), device=device)
        # Autograd and a loss's own network are nothing that a GPU can record.
        is_layered = isinstance(self.network, BatchedMlp)
        self._replay(recorder_for(device) if is_layered and self._objective is None else None)

    @property
    def replicates(self) -> int:
        return self.network.replicates

    @property
    def flop_per_step(self) -> float:
        """Multiplications and additions of a step of all replicates, without metrics."""
        own = self.network.flop_per_step(self.problem.supervision.field, self.problem.training.side**2)
        return own + loss_flop(self._spec) * self.replicates

    @property
    def training_seconds(self) -> float:
        """What training took so far, without the scores."""
        return self._training_clock.read()

    @property
    def metrics_seconds(self) -> float:
        """What scoring took so far."""
        return self._metrics_clock.read()

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
        self._settle()
        return self.step > self.steps

    def bare_step(self) -> None:
        """An update that is neither counted nor scored, to measure what it takes."""
        with torch.no_grad():
            self._learn()
            self._update()

    def prediction(self) -> torch.Tensor:
        """The scored image by the weights as they are, (R, H, W, C) in [-1, 1], not clipped."""
        with torch.no_grad():
            self.network.predict(self._scored.inputs.values, self._scored.prediction)
        return self._scored.prediction_image()

    def scores(self, prediction: torch.Tensor, metrics: Sequence[str]) -> dict[str, torch.Tensor]:
        """What :meth:`prediction` gives, (R, H, W, C) in [-1, 1], by further metrics: id -> (R,)."""
        if not metrics:
            return {}
        with on_one_thread():
            return _scores(Scorer(self.problem.scored.unit().to(prediction.device), metrics), prediction)

    def derivatives(self) -> Derivatives:
        """Gradients and Laplacians on the training grid by the weights as they are, beside the image's."""
        grid = self._training
        view = self.problem.training
        inputs = encode_with_derivatives(self._spec, view.coordinates()).to(
            grid.prediction.device, grid.prediction.dtype
        )
        with torch.no_grad():
            return derivatives(self.network, inputs, self.problem)

    def activations(self) -> Statistics:
        """Statistics of every layer at the pixels of the training grid, and of the loss's gradient."""
        assert isinstance(self.network, BatchedMlp)
        with torch.no_grad():
            self._learn()
            return measure(
                self.network.layers,
                self.network.activations,
                self.network.parameters,
                self._training.inputs.values,
                self._training.side,
                gradient=self.network.gradient,
            )

    def state(self) -> dict[str, torch.Tensor]:
        """Everything needed to go on with the same bits."""
        self._settle()
        moments = self._adam.state[0]
        objective = self._objective.state() if self._objective else {}
        return {
            "parameters": self._weights,
            "curves": self.curves.values,
            "curve_seconds": torch.from_numpy(self.curves.seconds),
            "step": torch.tensor(self.step),
            "clocks": torch.tensor([self.training_seconds, self.metrics_seconds], dtype=torch.float64),
            **{f"adam.{key}": value for key, value in moments.items()},
            **{f"loss.{key}": value for key, value in objective.items()},
        }

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from a :meth:`state` of the same cell."""
        self._weights.copy_(state["parameters"])
        self.curves.values.copy_(state["curves"])
        self.curves.seconds[:] = state["curve_seconds"].numpy()
        self.step = int(state["step"])
        self._training_clock.seconds, self._metrics_clock.seconds = state["clocks"].tolist()
        self._adam.load([_below("adam.", state)])
        if self._objective:
            self._objective.load(_below("loss.", state))

    def weights(self) -> dict[str, torch.Tensor]:
        """Tensors of every layer, (R, ...) each, as stored in ``weights.safetensors``."""
        return {name: values.contiguous() for name, values in self.network.named(self._weights.cpu()).items()}

    def _replay(self, record: Recorder | None) -> None:
        """The three parts of a step, each with all that it changes: what a step computes stays where it is."""
        grid, moments = self._training, self._adam.state[0].values()
        self._learn = Replayed(
            "the gradient", self._find_gradient, [grid.prediction, grid.field, self.network.gradient], record
        )
        self._update = Replayed("the update", self._take_step, [self._weights, *moments], record)
        self._measure = Replayed("the score", self._find_scores, [self._scored.prediction, self._latest], record)
        with torch.no_grad():
            for part in (self._learn, self._update, self._measure):
                part.prepare()

    def _one_step(self) -> None:
        is_last = self.step == self.steps
        with torch.no_grad():
            with self._training_clock.running():
                (self._look if is_last else self._learn)()
            if self.curves.wants(self.step):
                with self._metrics_clock.running():
                    self._measure()
                    self.curves.put(self.step, self._latest)
                self._training_clock.tell(partial(self.curves.put_seconds, self.step))
            if not is_last:
                with self._training_clock.running():
                    self._update()
        self.step += 1

    def _take_step(self) -> None:
        self._adam.step([self.network.gradient])
        if self._objective:
            self._objective.update()

    def _find_gradient(self) -> None:
        """Predict, and find the gradient of the loss; the loss itself where it costs nothing more."""
        grid = self._training
        if self._objective is None:
            self.network.step(grid.inputs, self._criterion, grid.prediction, grid.field)
            return
        self.network.predict(grid.inputs.values, grid.prediction)
        self._loss, derivative = self._objective(grid.prediction_image())
        self.network.step(grid.inputs, Given(derivative.flatten(1, 2)), grid.prediction, grid.prediction)

    def _look(self) -> None:
        """Predict only."""
        grid = self._training
        self.network.evaluate(grid.inputs, self._criterion.field, grid.prediction, grid.field)
        if self._objective:
            self._loss = self._objective.loss(grid.prediction_image())

    def _find_scores(self) -> None:
        grid = self._training
        scores = {"loss": self._criterion.loss(grid.field) if self._loss is None else self._loss}
        if self._fit_score is not None:
            self.network.predict(self._scored.inputs.values, self._scored.prediction)
            scores["fit_psnr"] = _scores(self._fit_score, grid.prediction_image())["psnr"]
        scores |= _scores(self._score, self._scored.prediction_image())
        for column, name in enumerate(self.curves.columns):
            self._latest[:, column] = scores[name]

    def _settle(self) -> None:
        """Wait for the clocks; those of a GPU run behind."""
        self._training_clock.settle()
        self._metrics_clock.settle()


class _Grid:
    """A view as the engine wants it: its inputs, and room for predictions (R, N, C) and what is compared.

    Attributes
    ----------
    field
        (R, N, C), or (R, N, C, 2) for gradients: ``prediction`` itself where values are compared.
    """

    def __init__(
        self,
        spec: CellSpec,
        view: View,
        replicates: int,
        *,
        like: torch.Tensor,
        criterion: Pointwise | None = None,
    ) -> None:
        device, dtype = like.device, like.dtype
        self.side = view.side
        self.prediction = torch.zeros(replicates, view.side**2, view.channels, device=device, dtype=dtype)
        self.field = self.prediction
        coordinates = view.coordinates()
        self.inputs = Inputs(encode(spec, coordinates).to(device, dtype))
        if criterion and criterion.field != "value":
            self.inputs = encode_with_derivatives(spec, coordinates).to(device, dtype)
            self.field = torch.zeros(replicates, *criterion.targets.shape, device=device, dtype=dtype)

    def prediction_image(self) -> torch.Tensor:
        return self.prediction.unflatten(1, (self.side, self.side))


def _objective(
    spec: CellSpec, view: View, replicates: int, device: torch.device, assets: Mapping[str, Path]
) -> Objective | None:
    if spec.loss is None:
        return None
    target = torch.from_numpy(view.values()).reshape(view.side, view.side, -1).to(device)
    return catalog.losses()[spec.loss].objective(spec, target, replicates, device, assets)


def _scores(scorer: Scorer, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """One replicate after the other on a CPU, where the maps of all would take more memory than training."""
    if images.is_cuda:
        return scorer(images)
    each = [scorer(image[None]) for image in images]
    return {name: torch.cat([one[name] for one in each]) for name in each[0]}


def _below(prefix: str, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
