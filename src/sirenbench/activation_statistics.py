"""What is kept of the layers of a network: moments, histograms, distances to the predicted laws, spectra.

A network with L non-linearities f has S = 2 L + 2 stages: its input; then, layer by layer, the argument of f (for a
sine omega_0 (W x + b), the pre-activation of the paper's Figures S3 and S4) and its value; its output. Each stage is a
table of all points by all features, which is pooled for distributions and summed over the features for spectra
(protocol.md, activation statistics).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sirenbench.cell_files import arrays_in
from sirenbench.errors import UserError, shown
from sirenbench.records import atomic_path

BINS = 256
FREQUENCIES = 100

# Which stages are arguments, and which values, of a non-linearity.
PRE, POST = slice(1, -1, 2), slice(2, None, 2)

# Replicates, stages, bins, frequencies of the flattened image and of an axis, linear maps.
_AXES = {
    "mean": "RS",
    "std": "RS",
    "skewness": "RS",
    "kurtosis": "RS",
    "minimum": "RS",
    "maximum": "RS",
    "ks": "RS",
    "counts": "RSB",
    "flat": "RSF",
    "rows": "RSA",
    "columns": "RSA",
    "flat_frequencies": "F",
    "axis_frequencies": "A",
    "gradient_norms": "RL",
}
_OPTIONAL = "gradient_norms"


@dataclass(frozen=True, eq=False)
class Statistics:
    """The stages of R networks of one shape; float64, undefined (NaN) where a stage is not finite.

    Attributes
    ----------
    side
        Points a side of the square grid that the network was asked at.
    mean, std, skewness, kurtosis, minimum, maximum
        (R, S), of all points and features; the kurtosis is that in excess of a normal law's 3.
    ks
        (R, S), Kolmogorov-Smirnov distance: of an argument to N(0, 1), of a value to the arcsine law on [-1, 1]; NaN
        for input and output. Too small by at most ``engine.activations.KS_ERROR``.
    counts
        (R, S, 256), int64: histogram over [minimum, maximum] in bins of equal width (see :func:`bin_edges`).
    flat
        (R, S, F), magnitudes of the Fourier transform of the feature sum along the flattened grid, at
        ``flat_frequencies`` (F,) = 0, 0.5, 1 ...: as the authors ran it. The column changes too fast for it: what it
        shows is the row coordinate.
    rows, columns
        (R, S, A), the same transform along the row coordinate, averaged over the columns, and the other way round, at
        ``axis_frequencies`` (A,) in cycles per unit of the coordinate.
    gradient_norms
        (R, L + 1), Euclidean norm of the loss gradient by the weight of each linear map; None if it was not measured.
    """

    side: int
    mean: np.ndarray
    std: np.ndarray
    skewness: np.ndarray
    kurtosis: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray
    ks: np.ndarray
    counts: np.ndarray
    flat: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    flat_frequencies: np.ndarray
    axis_frequencies: np.ndarray
    gradient_norms: np.ndarray | None

    def scores(self) -> dict[str, np.ndarray]:
        """Headline numbers of every replicate, (R,).

        ``ks_normal`` and ``ks_arcsine`` are the largest distances from the second layer on, ``std_pre`` and
        ``std_post`` belong to the last layer that has a non-linearity, and ``gradient_ratio``, if it was measured, is
        the first layer's gradient norm over that layer's.
        """
        scores = {
            "ks_normal": self.ks[:, PRE][:, 1:].max(axis=1),
            "ks_arcsine": self.ks[:, POST][:, 1:].max(axis=1),
            "std_pre": self.std[:, PRE][:, -1],
            "std_post": self.std[:, POST][:, -1],
        }
        if self.gradient_norms is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                scores["gradient_ratio"] = self.gradient_norms[:, 0] / self.gradient_norms[:, -2]
        return scores

    def write(self, path: Path) -> None:
        """Write one compressed ``.npz``; the same numbers give the same bytes."""
        arrays = {name: array for name, array in vars(self).items() if array is not None}
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def read(cls, path: Path) -> Statistics:
        """Read what :meth:`write` wrote.

        Raises
        ------
        UserError
            If the file is missing or damaged, or holds something else.
        """
        try:
            arrays = arrays_in(path)
            side = int(arrays.pop("side"))
            _check(arrays)
        except Exception as error:
            # A damaged archive can raise almost anything.
            reason = shown(str(error) or type(error).__name__)
            raise UserError(
                f"{path} does not hold activation statistics ({reason}); "
                "delete cell.json beside it to run the cell again"
            ) from error
        return cls(side=side, gradient_norms=arrays.pop(_OPTIONAL, None), **arrays)


def bin_edges(low: float, high: float) -> np.ndarray:
    """The 257 edges of a histogram over [low, high]; NumPy's rule for a single value is half a unit to both sides."""
    return np.histogram_bin_edges(np.empty(0), BINS, (low, high))


def flatness(magnitudes: np.ndarray) -> np.ndarray:
    """Spectral flatness over the last axis: geometric over arithmetic mean of the power, in (0, 1]; 1 is white.

    Frequency zero is left out: it says how large the signal is, not how rough.
    """
    power = magnitudes[..., 1:] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.exp(np.log(power).mean(axis=-1)) / power.mean(axis=-1)


def centroid(frequencies: np.ndarray, magnitudes: np.ndarray) -> np.ndarray:
    """Spectral centroid over the last axis: the mean frequency, weighted by the power; frequency zero is left out."""
    power = magnitudes[..., 1:] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return (power * frequencies[1:]).sum(axis=-1) / power.sum(axis=-1)


def _check(arrays: dict[str, np.ndarray]) -> None:
    """Complain of arrays that are lacking, unknown, of the wrong kind, or do not fit together."""
    if wrong := (arrays.keys() ^ _AXES.keys()) - {_OPTIONAL}:
        raise ValueError(f"it lacks, or should not have, {', '.join(sorted(wrong))}")
    sizes = {"B": BINS}
    for name, array in arrays.items():
        if array.dtype != (np.int64 if name == "counts" else np.float64):
            raise ValueError(f"{name} has the type {array.dtype}")
        expected = tuple(sizes.setdefault(axis, size) for axis, size in zip(_AXES[name], array.shape, strict=True))
        if array.shape != expected:
            raise ValueError(f"{name} has the shape {array.shape} instead of {expected}")
    if sizes["S"] < 4 or sizes["S"] != 2 * sizes.get("L", sizes["S"] // 2):
        raise ValueError(f"{sizes['S']} stages are not those of a network")
