"""From a picture file to square 8-bit pixels of any size, and on to the range a network works in.

All steps are PIL's own on 8-bit values, as in the paper's code (torchvision transforms on PIL pictures). Colour
profiles are not applied: the values are taken as they stand in the file.
"""

from __future__ import annotations

import hashlib
import shlex
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sirenbench.errors import AssetUnavailable

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
SMALLEST_SIDE = 8

_FILTERS = {
    "pil-bilinear": Image.Resampling.BILINEAR,
    "pil-bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}
KERNELS: tuple[str, ...] = tuple(_FILTERS)

_ALLOWED = "allowed: one 8-bit grey or RGB picture as PNG, JPEG, TIFF or WebP"
_PNG_BIT_DEPTH = 24  # its place in the file
_TIFF_BITS_PER_SAMPLE = 258  # its tag
_MODES_IN_WORDS = {
    "CMYK": "a CMYK picture",
    "LAB": "a CIELAB picture",
    "I": "a picture with 32-bit values",
    "F": "a picture with floating-point values",
}
_TO_8_BIT = "-depth 8"
_TO_SRGB = "-colorspace sRGB -depth 8"


def open_picture(path: Path) -> Image.Image:
    """Decode a picture file.

    EXIF orientation is applied; palettes without transparency and fully opaque alpha channels are resolved.

    Returns
    -------
    PIL.Image.Image
        Mode ``L`` or ``RGB``; its ``info`` holds nothing but the file's path.

    Raises
    ------
    AssetUnavailable
        If it is anything but one 8-bit grey or RGB picture without transparency. The message names the file, says
        what it is, what is allowed, and how to convert it.
    """
    # Given a path instead of an open file, Pillow may map it into memory, and then garbles turned TIFFs (seen in 13.0).
    with _opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        header = file.read(_PNG_BIT_DEPTH + 1)
        try:
            with Image.open(file) as picture:
                _check_kind(path, picture, header)
                picture.load()
                upright = ImageOps.exif_transpose(picture)
        except AssetUnavailable:
            raise
        except UnidentifiedImageError as error:
            what = "not a picture (its content is of no known image format)" if header else "an empty file"
            raise _refusal(path, what) from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            limit = f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
            raise _refusal(path, f"a picture of {limit}", "-resize 4096x4096 -depth 8") from error
        except Exception as error:  # PIL's decoders raise whatever they stumble over
            raise _refusal(path, f"damaged or cut off ({error})") from error
    plain = _without_alpha(path, upright)
    plain.info = {"file": str(path)}
    return plain


def prepare(picture: Image.Image, *, crop: str, channel: str) -> Image.Image:
    """Cut out the square and choose the channels.

    Parameters
    ----------
    picture
        What :func:`open_picture` gave.
    crop
        ``topleft`` (the paper's), ``center``, or ``none``: the picture must be square.
    channel
        ``grey`` (PIL's luma, ITU-R 601-2, rounded to 8 bit) or ``rgb``.

    Returns
    -------
    PIL.Image.Image
        Square; mode ``L`` or ``RGB``.

    Raises
    ------
    AssetUnavailable
        If the picture is not square though ``crop`` is ``none``, or smaller than 8 pixels.
    """
    name = picture.info.get("file", "the picture")
    width, height = picture.size
    side = min(width, height)
    if crop == "none" and width != height:
        raise AssetUnavailable(
            f"{name}: is {width} x {height} pixels; with 'crop: none' a square picture is allowed only: "
            "set 'crop' to 'center' or 'topleft'"
        )
    if side < SMALLEST_SIDE:
        raise AssetUnavailable(
            f"{name}: is {width} x {height} pixels; both sides must be at least {SMALLEST_SIDE}: use a larger picture"
        )
    left, top = ((width - side) // 2, (height - side) // 2) if crop == "center" else (0, 0)
    square = picture.crop((left, top, left + side, top + side))
    return square.convert("L" if channel == "grey" else "RGB")


def resize(picture: Image.Image, side: int, kernel: str) -> np.ndarray:
    """Resize a square picture with one of PIL's filters, on 8-bit values.

    When shrinking, the filters widen with the factor (antialiasing), as torchvision's ``Resize`` does on PIL
    pictures. At the picture's own size the pixels are untouched.

    Parameters
    ----------
    kernel
        One of :data:`KERNELS`.

    Returns
    -------
    numpy.ndarray
        uint8, (side, side) or (side, side, 3).
    """
    if picture.size != (side, side):
        picture = picture.resize((side, side), _FILTERS[kernel])
    return np.array(picture)


def to_signed_range(pixels: np.ndarray) -> np.ndarray:
    """8-bit values as float32 in [-1, 1], bit for bit as torchvision's ``ToTensor`` and ``Normalize(0.5, 0.5)``."""
    half = np.float32(0.5)
    return (pixels.astype(np.float32) / np.float32(255) - half) / half


def pixels_sha256(pixels: np.ndarray) -> str:
    """The SHA-256 of an array's values in row-major order: which picture it is, whatever file it was in."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise AssetUnavailable(f"{path}: does not exist; correct the path") from error
    except IsADirectoryError as error:
        raise AssetUnavailable(
            f"{path}: is a folder; name one picture in it, or give the folder as 'folder' in place of 'path'"
        ) from error
    except OSError as error:
        raise AssetUnavailable(f"{path}: cannot be read ({error.strerror}); ask its owner for the right") from error


def _check_kind(path: Path, picture: Image.Image, header: bytes) -> None:
    if picture.format not in FORMATS:
        raise _refusal(path, f"a {picture.format} file", _TO_8_BIT)
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise _refusal(path, f"{frames} pictures in one file (animated or multi-page)", _TO_8_BIT, frame="[0]")
    if picture.mode in _MODES_IN_WORDS:
        raise _refusal(path, _MODES_IN_WORDS[picture.mode], _TO_SRGB)
    bits = _bits_per_sample(picture, header)
    if bits > 8:
        raise _refusal(path, f"a picture with {bits}-bit values", _TO_8_BIT)
    if picture.mode not in ("1", "L", "P", "LA", "PA", "RGB", "RGBA"):
        raise _refusal(path, f"a picture of mode {picture.mode}", _TO_SRGB)


def _bits_per_sample(picture: Image.Image, header: bytes) -> int:
    # PIL silently keeps only the upper half of 16-bit colour values, so the mode does not tell.
    if picture.format == "PNG":
        return header[_PNG_BIT_DEPTH]
    if picture.format == "TIFF":
        return max(picture.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,)))  # type: ignore[attr-defined]
    return 8


def _without_alpha(path: Path, picture: Image.Image) -> Image.Image:
    grey = picture.mode in ("1", "L", "LA")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema() != (255, 255):
            raise _refusal(path, "a picture with transparency", "-background white -alpha remove -alpha off -depth 8")
    return picture.convert("L" if grey else "RGB")


def _refusal(path: Path, what: str, convert: str = "", *, frame: str = "") -> AssetUnavailable:
    command = f"magick {shlex.quote(f'{path}{frame}')} {convert} {shlex.quote(f'{path.stem}-8bit.png')}"
    advice = f"convert it: {command}" if convert else "get the file again, or export it as PNG from an image editor"
    return AssetUnavailable(f"{path}: is {what}; {_ALLOWED}; {advice}")
