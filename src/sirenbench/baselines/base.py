"""What a baseline has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sirenbench.options import Option
from sirenbench.spec import CellSpec

if TYPE_CHECKING:
    from sirenbench.tasks.base import Reconstruction


class Baseline(ABC):
    """A method that turns the small image into the large one without training on it.

    Attributes
    ----------
    options
        Its switches. One that is named as a switch of the task takes its place, with a default of its own.
    trained_on_external_data
        Whether it has seen other images than the one at hand; the report says so.
    """

    name: str
    title: str
    version: ClassVar[int]
    tasks: ClassVar[tuple[str, ...]] = ("sr",)
    options: ClassVar[tuple[Option, ...]] = ()
    trained_on_external_data: ClassVar[bool] = False

    def check(self, spec: CellSpec) -> None:  # noqa: B027, most run every configuration
        """Refuse a configuration that it cannot run: raises SpecError, by the option that is wrong."""

    def assets(self, spec: CellSpec) -> tuple[str, ...]:
        """Names of the assets that a cell of it needs."""
        return ()

    @abstractmethod
    def enlarge(self, spec: CellSpec, images: Reconstruction, assets: Mapping[str, Path]) -> np.ndarray:
        """Make the large image out of ``images.low``; ``images.high`` tells the size alone.

        Parameters
        ----------
        assets
            The files of :meth:`assets`, by name.

        Returns
        -------
        ndarray
            float32 (size, size[, 3]) in the range [-1, 1], not clipped.
        """
