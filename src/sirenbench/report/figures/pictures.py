"""Pictures as lossless PNG, ready to stand in the page."""

from __future__ import annotations

import base64
import io

import numpy as np


def png_uri(pixels: np.ndarray, palette: np.ndarray | None = None) -> str:
    """A PNG data URI of a uint8 image.

    Parameters
    ----------
    pixels
        (H, W), grey, or rows of ``palette``; (H, W, 3); or (H, W, 4) with opacity.
    palette
        (256, 3) uint8.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
