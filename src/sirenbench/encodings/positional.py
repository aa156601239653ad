"""The positional encoding of NeRF (Mildenhall et al. 2020; paper, equation 7)."""

from __future__ import annotations

import math

from sirenbench.encodings.base import Encoding
from sirenbench.lazy import torch
from sirenbench.options import Choice
from sirenbench.spec import CellSpec

NYQUIST = "nyquist"
_MOST = 16


class Positional(Encoding):
    """The raw coordinates, then sin(2^i pi c), cos(2^i pi c) for every frequency i and coordinate c.

    The paper says 4 frequencies; its authors ran the Nyquist rule, floor(log2(side / 4)) of the training image:
    4, 5, 6 for 64, 128, 256 pixels, that is 18, 22, 26 inputs.
    """

    name = "pe"
    title = "P.E."
    version = 1
    options = (
        Choice(
            "frequencies",
            NYQUIST,
            "Number of frequencies; 'nyquist' takes it from the side of the training image.",
            choices=(NYQUIST, *map(str, range(1, _MOST + 1))),
            tracks={"4": "as-described"},
        ),
    )

    def frequencies(self, spec: CellSpec, side: int) -> int:
        chosen = str(spec["frequencies"])
        return max(0, math.floor(math.log2(side / 4))) if chosen == NYQUIST else int(chosen)

    def width(self, spec: CellSpec, side: int) -> int:
        return 2 + 4 * self.frequencies(spec, side)

    def encode(self, spec: CellSpec, side: int, coordinates: torch.Tensor) -> torch.Tensor:
        waves = [
            wave(2.0**i * math.pi * coordinates[:, axis])
            for i in range(self.frequencies(spec, side))
            for axis in (0, 1)
            for wave in (torch.sin, torch.cos)
        ]
        return torch.cat([coordinates, *[wave[:, None] for wave in waves]], dim=1)


COMPONENTS = (Positional(),)
