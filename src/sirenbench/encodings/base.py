"""What an encoding of coordinates has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from sirenbench.lazy import torch
from sirenbench.options import Option
from sirenbench.spec import CellSpec


class Encoding(ABC):
    """A fixed map of the coordinates to more inputs; written ``+name`` after the network."""

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int]
    options: ClassVar[tuple[Option, ...]] = ()

    @abstractmethod
    def width(self, spec: CellSpec, side: int) -> int:
        """Number of inputs after encoding two coordinates, for a training image of ``side`` pixels."""

    @abstractmethod
    def encode(self, spec: CellSpec, side: int, coordinates: torch.Tensor) -> torch.Tensor:
        """Coordinates (N, 2) in [-1, 1] to inputs (N, width)."""
