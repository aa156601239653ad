"""Nearest, bilinear, bicubic and Lanczos interpolation, as PIL does them on floating-point images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sirenbench.baselines.base import Baseline
from sirenbench.images.pictures import to_signed_range
from sirenbench.spec import CellSpec

if TYPE_CHECKING:
    from sirenbench.tasks.base import Reconstruction


class Interpolation(Baseline):
    """PIL's resize of the image in [-1, 1] as float32 (mode F), without rounding (protocol.md, metrics)."""

    version = 1

    def __init__(self, name: str, filter: Image.Resampling) -> None:
        self.name = name
        self.title = name.capitalize()
        self._filter = filter

    def enlarge(self, spec: CellSpec, images: Reconstruction, assets: Mapping[str, Path]) -> np.ndarray:
        signed = to_signed_range(images.low)
        planes = [signed] if signed.ndim == 2 else list(np.moveaxis(signed, 2, 0))
        large = [Image.fromarray(plane).resize((spec.size, spec.size), self._filter) for plane in planes]
        return np.asarray(large[0]) if len(large) == 1 else np.stack([np.asarray(plane) for plane in large], axis=2)


COMPONENTS = tuple(
    Interpolation(name, filter)
    for name, filter in {
        "nearest": Image.Resampling.NEAREST,
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "lanczos": Image.Resampling.LANCZOS,
    }.items()
)
