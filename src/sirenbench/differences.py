"""What two records, or two sets of arrays, have otherwise: in words, key by key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sirenbench.errors import shown


def flat(content: Any, key: str = "") -> dict[str, Any]:
    """Nested mappings and tuples as one mapping: ``replicates[0].metrics.psnr.last`` -> its value."""
    if isinstance(content, Mapping):
        parts = {f"{key}.{name}".lstrip("."): value for name, value in content.items()}
    elif isinstance(content, tuple):
        parts = {f"{key}[{index}]": value for index, value in enumerate(content)}
    else:
        return {key: content}
    return {name: value for place, part in parts.items() for name, value in flat(part, place).items()}


def differences(stored: Mapping[str, Any], again: Mapping[str, Any], tolerance: float = 0.0) -> Iterator[str]:
    """A line for each value that is not the same.

    Parameters
    ----------
    stored, again
        Key -> a plain value or an array.
    tolerance
        Without one, every bit counts (undefined numbers are equal). With one, numbers may differ by that much, absolute
        or relative to the largest of an array; whole numbers in an array by one, and the steps at which a curve was at
        its best or reached a level by anything: they may hang on a rounding error.
    """
    for key in dict.fromkeys((*stored, *again)):
        if key not in stored or key not in again:
            yield f"{key}: {'is lacking' if key in again else 'should not be there'}"
        elif not ((tolerance and _is_step(key, stored[key], again[key])) or _same(stored[key], again[key], tolerance)):
            yield f"{key}: {_told(stored[key], again[key])}"


def _same(stored: Any, again: Any, tolerance: float) -> bool:
    if isinstance(stored, np.ndarray):
        return _same_array(stored, again, tolerance)
    if isinstance(stored, float) and isinstance(again, float):
        near = tolerance > 0 and math.isclose(stored, again, rel_tol=tolerance, abs_tol=tolerance)
        return near or _bits(stored) == _bits(again)
    return bool(stored == again)


def _is_step(key: str, *values: Any) -> bool:
    return key.endswith((".best_step", ".step")) and all(type(value) is int for value in values)


def _same_array(stored: np.ndarray, again: np.ndarray, tolerance: float) -> bool:
    if _kind(stored) != _kind(again):
        return False
    is_whole = stored.dtype.kind in "iu"
    if not tolerance:
        return np.array_equal(stored, again, equal_nan=not is_whole)
    finite = np.abs(again[np.isfinite(again)])
    slack = 1.0 if is_whole else tolerance * max(1.0, float(finite.max(initial=0)))
    return np.allclose(stored.astype(float), again.astype(float), rtol=tolerance, atol=slack, equal_nan=True)


def _told(stored: Any, again: Any) -> str:
    if not isinstance(stored, np.ndarray):
        return f"stored {shown(stored)}, computed again {shown(again)}"
    if _kind(stored) != _kind(again):
        return f"stored {_kind(stored)}, computed again {_kind(again)}"
    other = ~np.isclose(stored, again, rtol=0, atol=0, equal_nan=True)
    return f"{int(other.sum()):,} of {other.size:,} values are others"


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"


def _bits(value: float) -> str:
    """Tells -0.0 from 0.0, and takes every NaN for the same."""
    return value.hex()
