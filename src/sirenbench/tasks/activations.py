"""Statistics of a network's layers (paper, sections 3.3 and S1.2; Figures S3, S4), before or after training."""

from __future__ import annotations

from sirenbench.spec import CellSpec
from sirenbench.tasks.base import CHANNEL, SEED_OPTIONS, Picture, Problem, Task, View, by_value, training_options


class Activations(Task):
    """What stands before and after every non-linearity, at all pixels of the image's grid.

    The paper's figures are of networks that are not trained; with ``steps`` the network is fitted to the image first.
    The image also gives the loss whose gradient is measured layer by layer.
    """

    name = "activations"
    title = "Activation statistics"
    version = 1
    has_factor = False
    keeps_activations = True
    data_options = (CHANNEL,)
    training_options = (*training_options(steps=0), *SEED_OPTIONS)

    def training_side(self, spec: CellSpec) -> int:
        return spec.size

    def problem(self, spec: CellSpec, picture: Picture) -> Problem:
        view = View(picture(spec.size, "pil-bilinear"), str(spec["grid"]))
        return Problem(training=view, scored=view, supervision=by_value(view), activations=self.keeps_activations)


COMPONENTS = (Activations(),)
