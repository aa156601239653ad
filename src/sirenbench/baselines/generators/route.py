"""From a small image through a network to a large one of any side, as the paper's authors did (protocol.md, SRGAN)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from sirenbench.images.pictures import resize, to_signed_range


def enlarge(
    network: Callable[[torch.Tensor], torch.Tensor], low: np.ndarray, side: int, channels: int = 3
) -> np.ndarray:
    """The network's own enlargement, rounded to 8 bit, then resized by PIL (bilinear) where the side is another.

    Parameters
    ----------
    network
        From (1, channels, h, w) to (1, channels, s h, s w), both in [0, 1], float32.
    low
        uint8, (h, w) or (h, w, 3). A grey image is repeated for a network of three channels, and what comes out is
        made grey by PIL.
    side
        Of the result, in pixels.

    Returns
    -------
    ndarray
        float32, (side, side) or (side, side, 3) as ``low``, in [-1, 1].
    """
    small = Image.fromarray(low)
    pixels = np.array(small.convert("RGB" if channels == 3 else "L")).reshape(*low.shape[:2], channels)
    with torch.no_grad():
        large = network(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255)
    rounded = (large[0] * 255).round().to(torch.uint8).permute(1, 2, 0)
    picture = Image.fromarray(rounded.squeeze(2).numpy()).convert(small.mode)
    return to_signed_range(resize(picture, side, "pil-bilinear"))
