"""Image fitting (paper, section 3.1.1): a network learns one image and is scored on it."""

from __future__ import annotations

from sirenbench.spec import CellSpec
from sirenbench.tasks.base import CHANNEL, SEED_OPTIONS, Picture, Problem, Task, View, by_value, training_options


class Fit(Task):
    """Fit the image at the cell's size. The score costs nothing extra: it is of the training step's own prediction."""

    name = "fit"
    title = "Image fitting"
    version = 1
    has_factor = False
    data_options = (CHANNEL,)
    training_options = (*training_options(steps=15_000), *SEED_OPTIONS)

    def training_side(self, spec: CellSpec) -> int:
        return spec.size

    def problem(self, spec: CellSpec, picture: Picture) -> Problem:
        view = View(picture(spec.size, "pil-bilinear"), str(spec["grid"]))
        return Problem(training=view, scored=view, supervision=by_value(view))


COMPONENTS = (Fit(),)
