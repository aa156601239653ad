"""Which version of the numbers a cell has: a change that moves them runs again what it touches, and only that.

Every component (network, encoding, task, baseline) has a ``version`` of its own; the parts that all cells share have
theirs here. Whoever changes a number raises the version beside it; ``tests/golden/test_numerics.py`` fails when that
was forgotten. Comments and renamed variables change no version and run nothing again.
"""

from __future__ import annotations

from sirenbench import catalog
from sirenbench.spec import CellSpec

# Seeds, training loop, optimiser.
ENGINE = 1
# Decoding, cropping, resizing, ranges.
IMAGES = 1
# PSNR and SSIM.
METRICS = 1


def numerics_of(spec: CellSpec) -> str:
    """The versions behind a cell's numbers, e.g. ``images1 metrics1 sr1 engine1 siren1 pe1``."""
    parts = {"images": IMAGES, "metrics": METRICS, spec.task: catalog.tasks()[spec.task].version}
    if spec.is_baseline:
        parts[spec.arm] = catalog.baselines()[spec.arm].version
    else:
        parts |= {"engine": ENGINE, spec.network: catalog.networks()[spec.network].version}
    if spec.encoding:
        parts[spec.encoding] = catalog.encodings()[spec.encoding].version
    return " ".join(f"{name}{version}" for name, version in parts.items())
