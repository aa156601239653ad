"""What a loss of the whole image has to say of itself. The mean squared error is the engine's own and no component."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from sirenbench.lazy import torch
from sirenbench.options import Option
from sirenbench.spec import CellSpec


class Objective(ABC):
    """A loss bound to its target image; it meets the network at the network's output."""

    @abstractmethod
    def __call__(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (R, H, W, C) in [-1, 1] to their losses (R,), and the derivative (R, H, W, C) of each by its image."""

    @abstractmethod
    def loss(self, image: torch.Tensor) -> torch.Tensor:
        """The losses (R,) alone."""

    def update(self) -> None:  # noqa: B027, most losses train nothing
        """Train what the loss itself trains along, by the last call's gradient; called after each network's step."""

    def state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint has to keep to go on with the same bits."""
        return {}

    def load(self, state: Mapping[str, torch.Tensor]) -> None:  # noqa: B027
        """Go on from a :meth:`state`."""


class Loss(ABC):
    """A loss; written ``+name`` after the network and its encoding."""

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int]
    tasks: ClassVar[tuple[str, ...]] = ("fit", "sr")
    options: ClassVar[tuple[Option, ...]] = ()

    def assets(self, spec: CellSpec) -> tuple[str, ...]:
        """Names of the assets that a cell with it needs."""
        return ()

    def flop(self, spec: CellSpec) -> float:
        """Multiplications and additions of a step of one replicate, where they count beside the network's."""
        return 0.0

    @abstractmethod
    def objective(
        self,
        spec: CellSpec,
        target: torch.Tensor,
        replicates: int,
        device: torch.device,
        assets: Mapping[str, Path],
    ) -> Objective:
        """Bind it to a target image (H, W, C) in [-1, 1]; ``assets`` are the files of :meth:`assets`, by name."""
