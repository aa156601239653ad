"""SRGAN (Ledig et al. 2017) with weights that others trained and published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sirenbench.baselines.base import Baseline
from sirenbench.images.pictures import KERNELS
from sirenbench.options import Choice
from sirenbench.spec import CellSpec, SpecError

if TYPE_CHECKING:
    from sirenbench.tasks.base import Reconstruction

_SCALE_4 = {"16-block": "srgan-x4", "srresnet": "srresnet-x4"}
_NATIVE = "5-block"
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
            choices=(*_SCALE_4, _NATIVE),
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

    def check(self, spec: CellSpec) -> None:
        if spec["generator"] == _NATIVE and spec.factor not in _NATIVE_SCALE:
            raise SpecError(
                "generator",
                f"there is no {_NATIVE} generator of scale {spec.factor}; allowed: factors "
                f"{', '.join(map(str, _NATIVE_SCALE))}, or another generator ({', '.join(_SCALE_4)})",
            )

    def assets(self, spec: CellSpec) -> tuple[str, ...]:
        generator = str(spec["generator"])
        return (_NATIVE_SCALE[spec.factor or 1] if generator == _NATIVE else _SCALE_4[generator],)

    def enlarge(self, spec: CellSpec, images: Reconstruction, assets: Mapping[str, Path]) -> np.ndarray:
        from sirenbench.baselines.generators import keras, pytorch, route

        (path,) = (assets[name] for name in self.assets(spec))
        is_native = spec["generator"] == _NATIVE
        network = pytorch.read_generator(path, spec.factor or 1) if is_native else keras.read_generator(path)
        return route.enlarge(network, images.low, spec.size)


COMPONENTS = (Srgan(),)
