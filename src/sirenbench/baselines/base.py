"""What a baseline has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from sirenbench.options import Option
from sirenbench.spec import CellSpec


class Baseline(ABC):
    """A method that turns the small image into the large one without training on it."""

    name: str
    title: str
    version: ClassVar[int]
    tasks: ClassVar[tuple[str, ...]] = ("sr",)
    options: ClassVar[tuple[Option, ...]] = ()

    @abstractmethod
    def enlarge(self, spec: CellSpec, low: np.ndarray) -> np.ndarray:
        """uint8 (h, w) or (h, w, 3) to float32 (size, size[, 3]) in the range [-1, 1], not clipped."""
