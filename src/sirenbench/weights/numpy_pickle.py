"""Reading pickled NumPy arrays from a file that is not trusted: no code of the file's choosing is ever run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from sirenbench.errors import UserError, shown

_NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


class _Dtype:
    """Stands for ``numpy.dtype``: a plain number type."""

    def __init__(self, code: str, *_: object) -> None:
        if code not in _NUMBERS:
            raise pickle.UnpicklingError(f"the number type {shown(code)} is not allowed")
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", "|"):
            raise pickle.UnpicklingError(f"the byte order {shown(order)} is not allowed")
        self.code = order + self.code


class _Array:
    """Stands for ``numpy.ndarray`` and for the function that pickle makes one with."""

    def __init__(self, *_: object) -> None:
        self.value: np.ndarray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self.value = np.frombuffer(data, dtype.code).reshape(shape, order="F" if fortran else "C")


_STAND_INS: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
}


class _Reader(pickle._Unpickler):
    """The reader in Python: in the one in C, a single number in the file can fill the machine's memory."""

    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return _STAND_INS[module, name]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a pickled (nested) dictionary.

    Even NumPy's own names are replaced by stand-ins, because a crafted ``numpy.dtype`` can break memory.

    Returns
    -------
    dict
        Keys of all levels joined by ``/`` -> array of numbers, read-only.

    Raises
    ------
    UserError
        If the file cannot be read, is damaged, or asks for anything but arrays of numbers.
    """
    try:
        with path.open("rb") as file:
            return dict(_arrays(_Reader(file).load(), ()))
    except Exception as error:
        # A hostile file can make the unpickler raise almost anything.
        raise UserError(f"{path} is not a pickle of number arrays ({error}); nothing of it was used") from error


def _arrays(node: object, keys: tuple[str, ...]) -> list[tuple[str, np.ndarray]]:
    if isinstance(node, dict):
        return [pair for key, value in node.items() for pair in _arrays(value, (*keys, str(key)))]
    if isinstance(node, _Array) and node.value is not None:
        return [("/".join(keys), node.value)]
    raise pickle.UnpicklingError(f"{'/'.join(keys) or 'the file'} is no array of numbers")
