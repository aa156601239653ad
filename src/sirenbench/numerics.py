"""Which version of the numbers a cell has: a change that moves them runs again what it touches, and only that.

Every component (task, network, encoding, loss, baseline) has a ``version`` of its own; the parts that all cells share
have theirs here. Whoever changes a number raises the version beside it; ``tests/golden/test_numerics.py`` fails when
that was forgotten. Comments and renamed variables change no version and run nothing again.
"""

from __future__ import annotations

from sirenbench import catalog
from sirenbench.spec import CellSpec

# Seeds, training loop, optimiser.
ENGINE = 3
# Decoding, cropping, resizing, ranges.
IMAGES = 1
# What cells are scored by while they run: PSNR, SSIM, and how an enlarged image looks.
METRICS = 1


def numerics_of(spec: CellSpec) -> str:
    """The versions behind a cell's numbers, e.g. ``images1 metrics1 sr2 engine3 siren1 pe1``."""
    shared = {"images": IMAGES, "metrics": METRICS}
    engine = {} if spec.is_baseline else {"engine": ENGINE}
    task, *arm = catalog.components_of(spec)
    parts = shared | {task.name: task.version} | engine | {part.name: part.version for part in arm}
    return " ".join(f"{name}{version}" for name, version in parts.items())
