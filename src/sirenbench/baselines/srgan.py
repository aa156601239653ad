"""SRGAN (Ledig et al. 2017) with weights that others trained and published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sirenbench.baselines.base import Baseline
from sirenbench.errors import UserError
from sirenbench.images.pictures import KERNELS
from sirenbench.options import Choice
from sirenbench.spec import CellSpec

if TYPE_CHECKING:
    from sirenbench.tasks.base import Reconstruction

_SCALE_4 = {"16-block": "srgan-x4", "srresnet": "srresnet-x4"}
_NATIVE_SCALE = {2: "srgan-x2", 4: "srgan-x4-small", 8: "srgan-x8"}


class Srgan(Baseline):
    """The network, its output in 8 bit, and a bilinear resize where its scale is not the cell's factor.

    The paper's authors had one network of scale 4: their x2 is its result made half as large, their x8 its result
    made twice as large, and its input is a reduction of the large image (protocol.md, SRGAN). Their weights cannot be
    had; these have the same architecture and were trained on other images.
    """

    name = "srgan"
    title = "SRGAN"
    version = 1
    trained_on_external_data = True
    options = (
        Choice(
            "generator",
            "16-block",
            "Which network: '16-block' and 'srresnet' (the same before its adversarial training) have scale 4 and are "
            "resized for other factors; '5-block' has scales 2, 4 and 8 of its own.",
            choices=(*_SCALE_4, "5-block"),
            beyond_paper=True,
        ),
        Choice(
            "kernel",
            "hr-bicubic",
            "How the low-resolution image is made: 'hr-bicubic' is PIL's bicubic reduction of the 8-bit large image, "
            "as the paper's authors gave it to SRGAN; with the others it is the image that all other arms get.",
            choices=("hr-bicubic", *KERNELS),
            beyond_paper=True,
        ),
    )

    def assets(self, spec: CellSpec) -> tuple[str, ...]:
        if spec["generator"] == "5-block":
            return tuple(name for scale, name in _NATIVE_SCALE.items() if scale == spec.factor)
        return (_SCALE_4[str(spec["generator"])],)

    def enlarge(self, spec: CellSpec, images: Reconstruction, assets: Mapping[str, Path]) -> np.ndarray:
        from sirenbench.baselines.generators import keras, pytorch, route

        if spec["generator"] != "5-block":
            network = keras.read_generator(assets[_SCALE_4[str(spec["generator"])]])
        elif spec.factor in _NATIVE_SCALE:
            network = pytorch.read_generator(assets[_NATIVE_SCALE[spec.factor]], spec.factor)
        else:
            raise UserError(
                f"{spec.name}: there is no 5-block generator of scale {spec.factor}; allowed: factors "
                f"{', '.join(map(str, _NATIVE_SCALE))}, or another generator ({', '.join(_SCALE_4)})"
            )
        return route.enlarge(network, images.low, spec.size)


COMPONENTS = (Srgan(),)
