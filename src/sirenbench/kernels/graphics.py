"""Sine and cosine of an array in one pass on a GPU, by a Triton kernel: what PyTorch does in two to four passes."""

from __future__ import annotations

import triton
import triton.language as tl

from sirenbench.lazy import torch

_BLOCK = 1024


@triton.jit
def _kernel(  # type: ignore[no-untyped-def]  # noqa: PLR0917, Triton has no other arguments
    z, first, second, third, fourth, count, z_stride, s1, s2, s3, s4, orders: tl.constexpr, block: tl.constexpr
):
    """sin z and its first derivatives, as many as ``orders``; one row of programs for each replicate."""
    group = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < count
    # z = r + k pi / 2 with r in [-pi / 4, pi / 4]: in float64, where that is exact to 1e-7 for |z| up to 1e9.
    exact = tl.load(z + group * z_stride + at, mask=inside, other=0.0).to(tl.float64)
    k = tl.floor(exact * 0.6366197723675814 + 0.5)
    r = (exact - k * 1.5707963267948966).to(tl.float32)
    quarter = (k - 4.0 * tl.floor(k * 0.25)).to(tl.float32)
    # Taylor's series, to less than the rounding of float32 in that range.
    q = r * r
    odd = r + r * q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q * (1.0 / 362880))))
    even = 1.0 + q * (-1.0 / 2 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 - q * (1.0 / 3628800)))))
    is_odd = (quarter == 1.0) | (quarter == 3.0)
    sine = tl.where(is_odd, even, odd)
    cosine = tl.where(is_odd, odd, even)
    sine = tl.where(quarter >= 2.0, -sine, sine)
    cosine = tl.where((quarter == 1.0) | (quarter == 2.0), -cosine, cosine)
    tl.store(first + group * s1 + at, sine, mask=inside)
    if orders > 1:
        tl.store(second + group * s2 + at, cosine, mask=inside)
    if orders > 2:
        tl.store(third + group * s3 + at, -sine, mask=inside)
    if orders > 3:
        tl.store(fourth + group * s4 + at, -cosine, mask=inside)


def sines(z: torch.Tensor, *out: torch.Tensor) -> None:
    """Write sin z and its first, second and third derivative to ``out``, as many as it has.

    Parameters
    ----------
    z, out
        (G, ...) float32, contiguous but for the first dimension. The error is below 2e-7 for ``|z|`` up to 1e9; what
        is not finite becomes NaN.
    """
    groups, count = z.shape[0], z[0].numel()
    filled = (*out, *(out[0],) * (4 - len(out)))
    grid = (triton.cdiv(count, _BLOCK), groups)
    strides = (z.stride(0), *(one.stride(0) for one in filled))
    _kernel[grid](z, *filled, count, *strides, orders=len(out), block=_BLOCK)
