"""Every picture file that cannot be used is refused with a message that says what it is and what to do."""

from __future__ import annotations

import errno
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from sirenbench.errors import AssetUnavailable
from sirenbench.images.pictures import open_picture, prepare

GREY = np.tile(np.arange(16, dtype=np.uint8) * 16, (16, 1))
COLOUR = np.stack([GREY, GREY.T, 255 - GREY], axis=-1)


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    picture = Image.fromarray(pixels)
    stream = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(stream, kind, **options)
    return stream.getvalue()


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of a kind that PIL does not write."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def rows_of(pixels: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def half_transparent() -> np.ndarray:
    return np.dstack([COLOUR, np.full((16, 16), 128, np.uint8)])


def several(kind: str) -> bytes:
    frames = [Image.fromarray(np.roll(COLOUR, shift, axis=0)) for shift in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def palette_with_a_clear_colour() -> bytes:
    picture = Image.fromarray(COLOUR).quantize(8)
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=3)
    return stream.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
WIDE = np.tile(COLOUR, (1, 2, 1))
CONVERT = "convert it: magick "
AGAIN = "get the file again"


@dataclass(frozen=True)
class Case:
    """A file, and the words of its refusal: what it is, and what to do."""

    label: str
    file: str
    data: Callable[[], bytes]
    says: str
    advises: str
    crop: str = "center"


CASES = [
    Case("an empty file", "a.png", lambda: b"", "is an empty file", AGAIN),
    Case("text named .png", "a.png", lambda: b"not a picture\n" * 40, "is not a picture", AGAIN),
    Case("zero bytes named .jpg", "a.jpg", lambda: bytes(4096), "is not a picture", AGAIN),
    Case("a PNG signature and nothing else", "a.png", lambda: b"\x89PNG\r\n\x1a\n", "is not a picture", AGAIN),
    Case("a truncated PNG", "a.png", lambda: half(encoded(NOISE, "PNG")), "is damaged or cut off", AGAIN),
    Case("a truncated JPEG", "a.jpg", lambda: half(encoded(NOISE, "JPEG")), "is damaged or cut off", AGAIN),
    Case("a truncated WebP", "a.webp", lambda: half(encoded(NOISE, "WEBP")), "is damaged or cut off", AGAIN),
    Case("a truncated TIFF", "a.tif", lambda: tiff(NOISE)[:-6000], "is damaged or cut off", AGAIN),
    Case("a PNG without pixels", "a.png", lambda: png(16, 16, 8, 0, b""), "is damaged or cut off", AGAIN),
    Case("16-bit grey PNG", "a.png", lambda: encoded(GREY.astype(np.uint16) * 257, "PNG"), "16-bit values", CONVERT),
    Case(
        "16-bit RGB PNG, which PIL would cut to 8 bit",
        "a.png",
        lambda: png(16, 16, 16, 2, rows_of((COLOUR.astype(np.uint16) * 257).astype(">u2"))),
        "16-bit values",
        CONVERT,
    ),
    Case("16-bit grey TIFF", "a.tif", lambda: tiff(GREY.astype(np.uint16)), "16-bit values", CONVERT),
    Case(
        "16-bit RGB TIFF",
        "a.tiff",
        lambda: tiff(COLOUR.astype(np.uint16), photometric="rgb"),
        "16-bit values",
        CONVERT,
    ),
    Case("32-bit integer TIFF", "a.tif", lambda: tiff(GREY.astype(np.int32)), "32-bit values", CONVERT),
    Case("floating-point TIFF", "a.tif", lambda: tiff(GREY / np.float32(255)), "floating-point values", CONVERT),
    Case("TIFF of NaN", "a.tif", lambda: tiff(np.full((16, 16), np.nan, np.float32)), "floating-point", CONVERT),
    Case("CMYK JPEG", "a.jpg", lambda: encoded(COLOUR, "JPEG", "CMYK"), "is a CMYK picture", "-colorspace sRGB"),
    Case("CMYK TIFF", "a.tif", lambda: encoded(COLOUR, "TIFF", "CMYK"), "is a CMYK picture", "-colorspace sRGB"),
    Case("CIELAB TIFF", "a.tif", lambda: encoded(COLOUR, "TIFF", "LAB"), "is a CIELAB picture", "-colorspace sRGB"),
    Case("a palette with transparency", "a.png", palette_with_a_clear_colour, "transparency", "-alpha remove"),
    Case("real alpha in a PNG", "a.png", lambda: encoded(half_transparent(), "PNG"), "transparency", "-alpha remove"),
    Case(
        "real alpha in a WebP", "a.webp", lambda: encoded(half_transparent(), "WEBP"), "transparency", "-alpha remove"
    ),
    Case(
        "grey with alpha",
        "a.png",
        lambda: encoded(half_transparent(), "PNG", "LA"),
        "with transparency",
        "-alpha remove",
    ),
    Case(
        "one colour of an RGB PNG declared clear",
        "a.png",
        lambda: png(16, 16, 8, 2, rows_of(COLOUR), (b"tRNS", struct.pack(">HHH", *map(int, COLOUR[3, 5])))),
        "with transparency",
        "-alpha remove",
    ),
    Case("an animated WebP", "a.webp", lambda: several("WEBP"), "is 3 pictures in one file", "a.webp[0]"),
    Case("an animated PNG", "a.png", lambda: several("PNG"), "is 3 pictures in one file", "a.png[0]"),
    Case("a multi-page TIFF", "a.tif", lambda: several("TIFF"), "is 3 pictures in one file", "a.tif[0]"),
    Case("a GIF", "a.gif", lambda: encoded(COLOUR, "GIF"), "is a GIF file", CONVERT),
    Case("a GIF named .png", "a.png", lambda: encoded(COLOUR, "GIF"), "is a GIF file", CONVERT),
    Case("a BMP", "a.bmp", lambda: encoded(COLOUR, "BMP"), "is a BMP file", CONVERT),
    Case("a PPM", "a.ppm", lambda: encoded(COLOUR, "PPM"), "is a PPM file", CONVERT),
    Case("a picture of 100 MP", "a.png", lambda: png(10000, 10000, 1, 0, b""), "more than 89,478,485 pix", "-resize"),
    Case("a decompression bomb", "a.png", lambda: png(30000, 30000, 1, 0, b""), "more than 89,478,485 pix", "-resize"),
    Case("one pixel", "a.png", lambda: encoded(COLOUR[:1, :1], "PNG"), "is 1 x 1 pixels", "at least 8"),
    Case("too low", "a.png", lambda: encoded(COLOUR[:7], "PNG"), "is 16 x 7 pixels", "use a larger picture"),
    Case(
        "not square", "a.png", lambda: encoded(WIDE, "PNG"), "is 32 x 16 pixels", "'center' or 'topleft'", crop="none"
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_a_file_that_cannot_be_used_is_refused_by_name_with_what_it_is_and_what_to_do(
    case: Case, tmp_path: Path
) -> None:
    path = tmp_path / case.file
    path.write_bytes(case.data())
    with pytest.raises(AssetUnavailable) as refused:
        prepare(open_picture(path), crop=case.crop, channel="grey")
    message = str(refused.value)
    assert message.startswith(f"{path}: is ")
    assert case.says in message
    assert "allowed" in message or "at least" in message
    assert case.advises in message
    assert "\n" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetUnavailable, match=r"none\.png: does not exist; correct the path"):
        open_picture(tmp_path / "none.png")


def test_a_folder_in_place_of_a_file_is_named_and_the_key_for_folders_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssetUnavailable, match="is a folder; name one picture in it, or give the folder as 'folder'"):
        open_picture(tmp_path)


def test_a_file_without_the_right_to_read_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(COLOUR, "PNG"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # rights do not stop root, who runs many a test
    with pytest.raises(AssetUnavailable, match=r"secret\.png: cannot be read \(Permission denied\); ask its owner"):
        open_picture(path)


def test_the_advised_command_quotes_file_names_that_a_shell_would_take_apart(tmp_path: Path) -> None:
    path = tmp_path / "a b; rm x.gif"
    path.write_bytes(encoded(COLOUR, "GIF"))
    with pytest.raises(AssetUnavailable, match=f"magick '{path}' -depth 8 'a b; rm x-8bit.png'"):
        open_picture(path)
