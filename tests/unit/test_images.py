"""From a picture file to the pixels and the range a cell works on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from sirenbench.assets.sources import local_file
from sirenbench.assets.status import read_status, verified
from sirenbench.config.assets import PackageSource
from sirenbench.config.images import ImageRecipe
from sirenbench.errors import UserError
from sirenbench.images.folders import expand, pictures_in
from sirenbench.images.pictures import KERNELS, open_picture, pixels_sha256, prepare, resize, to_signed_range
from sirenbench.names import IMAGE_ID

RNG = np.random.default_rng(7)
COLOUR = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
INTERPOLATIONS = {
    "pil-bilinear": InterpolationMode.BILINEAR,
    "pil-bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
    "box": InterpolationMode.BOX,
}


def saved(path: Path, picture: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> Path:
    shown = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    shown.save(path, kind, **options)
    return path


def camera() -> Path:
    """The free picture that comes with scikit-image."""
    path = local_file(
        PackageSource(source="package", package="scikit-image", member="skimage/data/camera.png", licence="CC0")
    )
    assert path is not None
    return path


# ---- decoding ----


@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("tif", "TIFF"), ("webp", "WEBP")])
def test_lossless_formats_give_the_pixels_that_went_in(
    pixels: np.ndarray, suffix: str, kind: str, tmp_path: Path
) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = open_picture(saved(tmp_path / f"a.{suffix}", pixels, kind, **options))
    expected = np.repeat(GREY[..., None], 3, axis=2) if picture.mode == "RGB" and pixels.ndim == 2 else pixels
    assert np.array_equal(np.asarray(picture), expected)


def test_a_wrong_extension_does_not_matter_if_the_content_is_allowed(tmp_path: Path) -> None:
    assert np.array_equal(np.asarray(open_picture(saved(tmp_path / "a.jpg", COLOUR, "PNG"))), COLOUR)


@pytest.mark.parametrize(("mode", "result"), [("RGBA", "RGB"), ("LA", "L")])
def test_a_fully_opaque_alpha_channel_is_dropped(mode: str, result: str, tmp_path: Path) -> None:
    picture = Image.fromarray(COLOUR).convert(mode)
    opened = open_picture(saved(tmp_path / "a.png", picture))
    assert opened.mode == result
    assert np.array_equal(np.asarray(opened), np.asarray(picture.convert(result)))


def test_a_palette_without_transparency_gives_its_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(COLOUR).quantize(16)
    opened = open_picture(saved(tmp_path / "a.png", picture))
    assert np.array_equal(np.asarray(opened), np.asarray(picture.convert("RGB")))


def test_a_black_and_white_picture_becomes_0_and_255(tmp_path: Path) -> None:
    opened = open_picture(saved(tmp_path / "a.png", Image.fromarray(GREY > 127)))
    assert opened.mode == "L"
    assert np.array_equal(np.asarray(opened), np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"quality": 100}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PNG", {})],
    ids=["JPEG", "TIFF", "LZW TIFF", "PNG"],
)
def test_the_exif_orientation_is_honoured(kind: str, options: dict, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    plain = np.asarray(open_picture(saved(tmp_path / "plain", GREY, kind, **options)))
    turned = np.asarray(open_picture(saved(tmp_path / "turned", GREY, kind, exif=exif, **options)))
    assert np.array_equal(turned, np.rot90(plain, -1))


def test_the_same_pixels_have_one_sha256_whatever_the_file(tmp_path: Path) -> None:
    first = np.asarray(open_picture(saved(tmp_path / "a.png", COLOUR)))
    second = np.asarray(open_picture(saved(tmp_path / "a.tif", COLOUR, "TIFF")))
    assert pixels_sha256(first) == pixels_sha256(second) != pixels_sha256(255 - first)


def test_the_sha256_is_that_of_the_values_in_row_major_order() -> None:
    pixels = np.asfortranarray(GREY)
    assert pixels_sha256(pixels) == pixels_sha256(GREY)


# ---- cropping and channels ----


@pytest.mark.parametrize(("crop", "left", "top"), [("topleft", 0, 0), ("center", 10, 0)])
def test_the_square_is_the_largest_one_at_the_chosen_place(crop: str, left: int, top: int) -> None:
    square = prepare(Image.fromarray(COLOUR), crop=crop, channel="rgb")
    assert np.array_equal(np.asarray(square), COLOUR[top : top + 40, left : left + 40])


def test_a_square_picture_is_the_same_with_every_crop() -> None:
    square = Image.fromarray(COLOUR[:, :40])
    for crop in ("none", "topleft", "center"):
        assert np.array_equal(np.asarray(prepare(square, crop=crop, channel="rgb")), COLOUR[:, :40])


def test_grey_is_pils_luma() -> None:
    square = prepare(Image.fromarray(COLOUR), crop="topleft", channel="grey")
    red, green, blue = (COLOUR[:, :40, channel].astype(int) for channel in range(3))
    luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16  # ITU-R 601-2 in 16-bit fixed point
    assert np.array_equal(np.asarray(square), luma)


def test_a_grey_picture_as_rgb_has_three_equal_channels() -> None:
    square = np.asarray(prepare(Image.fromarray(GREY), crop="center", channel="rgb"))
    assert square.shape == (40, 40, 3)
    assert (square == square[..., :1]).all()


# ---- resizing ----


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("side", [256, 128, 64, 32, 300, 700])
@pytest.mark.parametrize("channel", ["grey", "rgb"])
def test_resizing_equals_torchvisions_on_pil_pictures(kernel: str, side: int, channel: str) -> None:
    picture = prepare(open_picture(camera()), crop="none", channel=channel)
    theirs = transforms.Resize((side, side), interpolation=INTERPOLATIONS[kernel])(picture)
    ours = resize(picture, side, kernel)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, np.asarray(theirs))


@pytest.mark.parametrize("kernel", KERNELS)
def test_at_its_own_size_the_pixels_are_untouched(kernel: str) -> None:
    picture = prepare(open_picture(camera()), crop="none", channel="grey")
    assert np.array_equal(resize(picture, 512, kernel), np.asarray(picture))


def test_box_averages_whole_blocks() -> None:
    picture = prepare(Image.fromarray(GREY), crop="topleft", channel="grey")
    blocks = GREY[:, :40].reshape(10, 4, 10, 4).mean(axis=(1, 3))
    # PIL rounds to 8 bit twice: after the rows and after the columns.
    assert np.abs(resize(picture, 10, "box") - blocks).max() <= 1


def test_the_pixels_can_be_written_to() -> None:
    picture = prepare(Image.fromarray(GREY), crop="topleft", channel="grey")
    assert resize(picture, 40, "box").flags.writeable


# ---- range ----


def test_the_signed_range_is_torchvisions_bit_for_bit() -> None:
    every_value = np.arange(256, dtype=np.uint8).reshape(16, 16)
    theirs = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
    expected = theirs(Image.fromarray(every_value))[0]
    ours = torch.from_numpy(to_signed_range(every_value))
    assert ours.dtype == torch.float32
    assert torch.equal(ours.view(torch.int32), expected.view(torch.int32))
    assert (ours.min().item(), ours.max().item()) == (-1.0, 1.0)


# ---- folders ----


def test_every_picture_of_a_folder_becomes_an_image_in_the_order_of_file_names(tmp_path: Path) -> None:
    for name in ("b_02.JPG", "a 01.png", "Ünïcode.tiff", ".hidden.png", "README.md"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub.png").mkdir()
    found = pictures_in("kodak", tmp_path)
    assert {image: path.name for image, path in found.items()} == {
        "kodak-a-01": "a 01.png",
        "kodak-b-02": "b_02.JPG",
        "kodak-unicode": "Ünïcode.tiff",
    }
    assert list(found) == ["kodak-a-01", "kodak-b-02", "kodak-unicode"]


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_any_file_name_gives_a_valid_image_name_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, stem: str
) -> None:
    folder = tmp_path_factory.mktemp("pictures")
    try:
        (folder / f"x{stem}.png").write_bytes(b"x")
    except OSError:
        return  # longer than the file system allows
    for image in pictures_in("set", folder):
        assert IMAGE_ID.fullmatch(image)


@pytest.mark.parametrize("name", ["☃.png", "---.png", "写真.png", "a" * 78 + ".png"])
def test_a_file_name_that_cannot_name_an_image_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"images\.set: the file name '.+ cannot name an image.+rename the file"):
        pictures_in("set", tmp_path)


def test_a_hostile_file_name_is_made_harmless(tmp_path: Path) -> None:
    (tmp_path / "$(rm -rf ..) <script>.png").write_bytes(b"x")
    assert list(pictures_in("set", tmp_path)) == ["set-rm-rf-script"]


def test_two_files_that_would_be_one_image_are_both_named(tmp_path: Path) -> None:
    for name in ("a b.png", "a_b.png"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"'a b\.png' and 'a_b\.png' would both be the image 'set-a-b'; rename one"):
        pictures_in("set", tmp_path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "cannot be read as a folder .No such file or directory."),
        (lambda folder: folder.write_text("x"), "cannot be read as a folder .Not a directory."),
        (lambda folder: folder.mkdir(), "holds no picture; looked for files ending in .png"),
    ],
    ids=["missing", "a file", "empty"],
)
def test_a_folder_without_pictures_is_told(make: object, says: str, tmp_path: Path) -> None:
    make(tmp_path / "pictures")  # type: ignore[operator]
    with pytest.raises(UserError, match=says):
        pictures_in("set", tmp_path / "pictures")


def test_a_folder_recipe_becomes_one_recipe_a_picture_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"x")
    single = ImageRecipe(asset="camera")
    expanded = expand({"camera": single, "set": ImageRecipe(folder=str(tmp_path), crop="center")})
    assert expanded["camera"] is single
    assert expanded["set-one"] == ImageRecipe(path=str(tmp_path / "one.png"), crop="center", title="one")
    assert list(expanded) == ["camera", "set-one"]


def test_a_picture_of_a_folder_cannot_take_the_name_of_another_image(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"x")
    images = {"set-one": ImageRecipe(asset="camera"), "set": ImageRecipe(folder=str(tmp_path))}
    with pytest.raises(UserError, match=r"images\.set: gives an image named 'set-one', which there is already"):
        expand(images)


def test_truncation_of_a_stream_is_seen_even_if_the_header_is_whole(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(COLOUR).save(stream, "PNG")
    for cut in range(40, len(stream.getvalue()) - 12, 500):
        path = tmp_path / f"{cut}.png"
        path.write_bytes(stream.getvalue()[:cut])
        with pytest.raises(UserError, match=r"damaged or cut off|not a picture"):
            open_picture(path)


# ---- the paper's image ----


@pytest.mark.network
def test_the_cameraman_has_the_pixels_of_the_report(cameraman: Path) -> None:
    pixels = resize(prepare(open_picture(verified(read_status(cameraman))), crop="none", channel="grey"), 512, "box")
    assert pixels_sha256(pixels) == "fdb7a9ae0d909363299532567f728237714cf10b9e3441ee530aa8f802923cfe"
    assert pixels.mean() == pytest.approx(118.314, abs=5e-4)


@pytest.mark.network
@pytest.mark.parametrize("side", [256, 128, 64, 32])
def test_the_low_resolution_cameraman_is_that_of_the_reports_pipeline(side: int, cameraman: Path) -> None:
    path = verified(read_status(cameraman))
    theirs = transforms.Compose(
        [transforms.Resize(side), transforms.ToTensor(), transforms.Normalize(torch.Tensor([0.5]), torch.Tensor([0.5]))]
    )
    ours = to_signed_range(resize(prepare(open_picture(path), crop="none", channel="grey"), side, "pil-bilinear"))
    assert torch.equal(torch.from_numpy(ours), theirs(Image.open(path))[0])
