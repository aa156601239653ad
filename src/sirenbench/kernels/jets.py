"""Jets through an activation and back: in one pass by C where it has the bits of PyTorch, else by PyTorch.

A jet is the stack (x, dx/drow, dx/dcolumn, Laplacian of x) at a pixel, of which the first 3 or all 4 are carried.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import torch

from sirenbench.kernels.processor import library

# From derivatives (G, n, width), jets before the activation (G, parts, n, width) and those to write.
Loop: TypeAlias = Callable[[Sequence[torch.Tensor], torch.Tensor, torch.Tensor], None]


def bend(derivatives: Sequence[torch.Tensor], before: torch.Tensor, after: torch.Tensor) -> None:
    """The jets after an activation, but for the value itself.

    Parameters
    ----------
    derivatives
        (G, n, width) each: f' and f''; with 4 parts f''' too, which is multiplied by p^2 + q^2 for :func:`unbend`.
    before, after
        (G, parts, n, width): (z, p, q, l), and where (f, f' p, f' q, f' l + f'' (p^2 + q^2)) goes.
    """
    _loop("bend", derivatives, before, after)(derivatives, before, after)


def unbend(derivatives: Sequence[torch.Tensor], before: torch.Tensor, delta: torch.Tensor) -> None:
    """The derivative by the jets after an activation to that by the jets before it, in place; f'' is used up.

    (a, b, c, d) becomes (f' a + f'' (b p + c q + d l) + f''' (p^2 + q^2) d, f' b + 2 f'' p d, f' c + 2 f'' q d, f' d);
    with 3 parts there is no d.
    """
    _loop("unbend", derivatives, before, delta)(derivatives, before, delta)


def _loop(name: str, derivatives: Sequence[torch.Tensor], *jets: torch.Tensor) -> Loop:
    is_plain = len(jets[0]) == 1 and all(
        one.device.type == "cpu" and one.dtype == torch.float32 and one.is_contiguous() for one in (*derivatives, *jets)
    )
    return (is_plain and _compiled().get(name)) or _PLAIN[name]


def _bend(derivatives: Sequence[torch.Tensor], before: torch.Tensor, after: torch.Tensor) -> None:
    first, second, *third = derivatives
    torch.mul(before[:, 1:], first.unsqueeze(1), out=after[:, 1:])
    if third:
        squares = torch.mul(before[:, 1], before[:, 1]).addcmul_(before[:, 2], before[:, 2])
        after[:, 3].addcmul_(second, squares)
        third[0].mul_(squares)


def _unbend(derivatives: Sequence[torch.Tensor], before: torch.Tensor, delta: torch.Tensor) -> None:
    first, second, *third = derivatives
    through = torch.mul(delta[:, 1], before[:, 1])
    for part in range(2, delta.shape[1]):
        through.addcmul_(delta[:, part], before[:, part])
    through.mul_(second)
    if third:
        through.addcmul_(third[0], delta[:, 3])
        second.mul_(delta[:, 3])
    torch.addcmul(through, delta[:, 0], first, out=delta[:, 0])
    delta[:, 1:].mul_(first.unsqueeze(1))
    if third:
        delta[:, 1:3].addcmul_(second.unsqueeze(1), before[:, 1:3], value=2)


_PLAIN: dict[str, Loop] = {"bend": _bend, "unbend": _unbend}


@cache
def _compiled() -> dict[str, Loop]:
    """Those of the compiled loops that have the bits of PyTorch's operations."""
    try:
        functions = {name: _call(getattr(library(), name)) for name in _PLAIN}
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return {}
    return {name: loop for name, loop in functions.items() if _is_same(loop, _PLAIN[name])}


def _call(function: ctypes._NamedFuncPointer) -> Loop:
    function.argtypes = (*[ctypes.c_void_p] * 5, ctypes.c_ssize_t, ctypes.c_ssize_t)
    function.restype = None

    def call(derivatives: Sequence[torch.Tensor], before: torch.Tensor, other: torch.Tensor) -> None:
        slots = [one.data_ptr() for one in derivatives] + [None] * (3 - len(derivatives))
        function(*slots, before.data_ptr(), other.data_ptr(), before.shape[1], derivatives[0].numel())

    return call


def _is_same(loop: Loop, plain: Loop) -> bool:
    """On made-up numbers, whose count fills no vector."""
    generator = torch.Generator().manual_seed(0)
    for parts in (3, 4):
        numbers = torch.randn(2 * parts + parts - 1, 1, 37, 21, generator=generator)
        made = []
        for function in (loop, plain):
            derivatives = [one.clone() for one in numbers[: parts - 1]]
            before, other = (one.movedim(1, 0).clone() for one in numbers[parts - 1 :].split(parts))
            function(derivatives, before, other)
            made.append((other[:, 1:] if plain is _bend else other, derivatives[-1] if plain is _bend else other))
        if not all(map(torch.equal, *made)):
            return False
    return True
