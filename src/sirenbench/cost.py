"""What a cell computes, told from its spec alone: multiplications and additions. No torch in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sirenbench import catalog
from sirenbench.networks.base import Layer, ModuleNetwork, count_parameters, layers_of
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Field


@dataclass(frozen=True)
class Work:
    """Multiplications and additions of a trained cell, all replicates together.

    Attributes
    ----------
    network
        Of its network in all steps, and in scoring another image than the trained one.
    loss
        Of its loss in all steps, where that is a network of its own.
    final
        Of what is done once at the end: the prediction, its derivatives, statistics of layers.
    """

    network: float
    loss: float
    final: float


def work_of(spec: CellSpec) -> Work:
    """The work of a trained cell."""
    steps, replicates = int(spec["steps"]), int(spec["replicates"])
    task = catalog.tasks()[spec.task]
    trained, scored = task.training_side(spec) ** 2, spec.size**2
    forward = 2.0 * parameters_of(spec)
    step = _step_of(spec, task.field(spec), trained)
    scores = _scores(steps, int(spec.values.get("eval_every", 1))) * forward * scored if task.has_factor else 0.0
    # Derivatives are propagated forwards, four numbers at a time; a gradient more is taken for the statistics.
    final = forward * scored + 4 * forward * trained + (4 * forward * trained if task.keeps_activations else 0.0)
    return Work(
        network=replicates * (steps * step + scores),
        loss=replicates * steps * loss_flop(spec),
        final=replicates * final,
    )


def ends_of_cell(spec: CellSpec) -> tuple[int, int]:
    """How many inputs and outputs the network of a trained arm has, for its task's training image."""
    side = catalog.tasks()[spec.task].training_side(spec)
    inputs = catalog.encodings()[spec.encoding].width(spec, side) if spec.encoding else 2
    return inputs, 3 if spec["channel"] == "rgb" else 1


def layers_of_cell(spec: CellSpec) -> tuple[Layer, ...]:
    """The linear maps of a trained arm whose network has layers."""
    inputs, outputs = ends_of_cell(spec)
    return layers_of(inputs, int(spec.depth or 0), int(spec.width or 0), outputs)


def parameters_of(spec: CellSpec) -> int:
    """Parameters of one replicate of a trained arm. A module has to be made to count them, which needs torch."""
    network = catalog.networks()[spec.network]
    if isinstance(network, ModuleNetwork):
        return sum(values.numel() for values in network.module(spec, *ends_of_cell(spec)).parameters())
    return count_parameters(layers_of_cell(spec))


def step_flop(layers: Sequence[Layer], field: Field, pixels: int) -> float:
    """Of a training step of one replicate, without what its loss takes beyond the pixel.

    Per parameter and pixel 2 forwards and 4 backwards, times the numbers that are propagated together: 1 for values, 4
    for Laplacians; for gradients 2 backwards through one output, else 3 forwards.
    """
    gradient = 2 if layers[-1].fan_out == 1 else 3
    parts = {"value": 1, "gradient": gradient, "laplacian": 4}[field]
    return 6.0 * parts * count_parameters(tuple(layers)) * pixels


def module_step_flop(parameters: int, outputs: int, field: Field, pixels: int) -> float:
    """The same of a module that multiplies by each parameter once, by autograd inside autograd.

    A gradient is a pass backwards for each output, a Laplacian five more.
    """
    parts = {"value": 1, "gradient": 1 + outputs, "laplacian": 1 + 5 * outputs}[field]
    return 6.0 * parts * parameters * pixels


def loss_flop(spec: CellSpec) -> float:
    """Of the loss's own network in a step of one replicate."""
    return catalog.losses()[spec.loss].flop(spec) if spec.loss else 0.0


def _step_of(spec: CellSpec, field: Field, pixels: int) -> float:
    if isinstance(catalog.networks()[spec.network], ModuleNetwork):
        return module_step_flop(parameters_of(spec), ends_of_cell(spec)[1], field, pixels)
    return step_flop(layers_of_cell(spec), field, pixels)


def _scores(steps: int, every: int) -> int:
    """How many steps are scored: every so many, the first and the last among them."""
    return steps // every + 1 + (steps % every > 0)
