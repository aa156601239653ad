"""How a device is fed: how many pixels at a time, how many replicates, into how many sums.

On a CPU all that a pass holds of a chunk has to stay in the cache, and each replicate is worked on by itself. A GPU has
to be given more at once than its processors can hold: all replicates, and as many pixels as leave what one layer reads
and writes in its second-level cache, from which the next layer takes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sirenbench.tasks.base import Field

# Numbers held of every feature and pixel. Values: 2 kept and 2 products. Laplacians: 4 before and 4 after the
# activation, and 3 derivatives of it.
_HELD: dict[Field, int] = {"value": 4, "gradient": 8, "laplacian": 11}
_MULTIPLE = 16


class Plan(ABC):
    """What is done at once.

    Attributes
    ----------
    together
        Whether all replicates are; else one after the other.
    lanes
        Into how many partial sums the chunks of a gradient go: as many threads can share one replicate.
    """

    together: bool
    lanes: int

    @abstractmethod
    def rows(self, field: Field, widths: Sequence[int], group: int) -> int:
        """Pixels per chunk of ``group`` replicates, whose linear maps have ``widths`` outputs."""


@dataclass(frozen=True)
class Processor(Plan):
    """A CPU: most pixels by field, and most float32 values of all buffers of a pass, 48 MiB."""

    together: bool = False
    lanes: int = 4
    most_values: int = 3 * 2**22

    def rows(self, field: Field, widths: Sequence[int], group: int) -> int:
        most = 2048 if field == "value" else 1024
        return _rounded(min(most, self.most_values // (_HELD[field] * sum(widths))), group)


@dataclass(frozen=True)
class Graphics(Plan):
    """A GPU.

    Attributes
    ----------
    cache
        Bytes of its second-level cache.
    least
        Rows that keep its processors busy, where the cache is too small for them.
    most_values
        Of all buffers of a pass: 4 GiB of float32.
    """

    cache: int
    together: bool = True
    lanes: int = 1
    least: int = 4096
    most_values: int = 2**30

    def rows(self, field: Field, widths: Sequence[int], group: int) -> int:
        in_cache = self.cache // (4 * _HELD[field] * max(widths))
        return _rounded(min(max(self.least, in_cache), self.most_values // (_HELD[field] * sum(widths))), group)


def plan_for(device: torch.device) -> Plan:
    """That of a device."""
    if device.type == "cpu":
        return Processor()
    return Graphics(torch.cuda.get_device_properties(device).L2_cache_size)


def _rounded(rows: int, group: int) -> int:
    return max(_MULTIPLE, rows // group // _MULTIPLE * _MULTIPLE)
