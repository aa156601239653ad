"""What enters a network at every pixel: the coordinates, encoded or not, and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Inputs:
    """Inputs of a network at N pixels.

    Attributes
    ----------
    values
        (N, F).
    slopes
        (2, N, F): their derivatives by the row's and the column's coordinate; None if no derivative is asked for.
    laplacian
        (N, F), or None.
    """

    values: torch.Tensor
    slopes: torch.Tensor | None = None
    laplacian: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.values.shape[0]

    def at(self, rows: slice) -> Inputs:
        """Those of some of the pixels."""
        if self.slopes is None or self.laplacian is None:
            return Inputs(self.values[rows])
        return Inputs(self.values[rows], self.slopes[:, rows], self.laplacian[rows])

    def to(self, device: torch.device, dtype: torch.dtype) -> Inputs:
        """The same elsewhere, or in another precision."""
        parts = (self.values, self.slopes, self.laplacian)
        return Inputs(*(part if part is None else part.to(device, dtype) for part in parts))  # type: ignore[arg-type]

    def stack(self, count: int) -> torch.Tensor:
        """(count N, F): the values, then the derivatives by row and column, then the Laplacian."""
        assert self.slopes is not None
        assert self.laplacian is not None
        return torch.cat([self.values, *self.slopes, self.laplacian][:count])
