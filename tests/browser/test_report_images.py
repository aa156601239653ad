"""What the page computes from its images: differences, comparisons, crops."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from opening import grave_violations
from PIL import Image
from playwright.sync_api import Locator, Page, expect


def pixels_of(pane: Locator) -> np.ndarray:
    """What is embedded of a pane, (H, W, 3), on [0, 1]."""
    source = pane.evaluate("one => sourceOf(one)")
    image = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))
    return np.asarray(image.convert("RGB")) / 255


def panes_of(figure: Locator) -> dict[str, np.ndarray]:
    return {str(pane.get_attribute("data-title")): pixels_of(pane) for pane in figure.locator("[data-role]").all()}


def drawn(canvas: Locator) -> np.ndarray:
    source = canvas.evaluate("one => one.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB")).astype(int)


def table1(page: Page) -> Locator:
    return page.locator('[id="study:table1"] figure.images').first


@pytest.fixture
def dialog(page: Page) -> Locator:
    table1(page).get_by_role("button", name="Compare two").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


# Differences


@pytest.mark.parametrize("gain", [1, 4, 16])
def test_differences_are_those_of_the_embedded_pixels(page: Page, gain: int) -> None:
    from matplotlib import colormaps

    figure = page.locator("figure.images").first
    panes = panes_of(figure)
    name = "Difference ×1" if gain == 1 else f"×{gain}"
    figure.get_by_role("button", name=name, exact=True).press("Enter")
    pane = figure.locator("[data-role=result]").last
    expect(pane.locator(".deviation")).to_be_visible()
    values = np.abs(panes["ReLU"] - panes["Target"]).mean(axis=2)
    assert pane.locator(".deviation").inner_text() == f"differs by at most {values.max():.3f}"
    label = f"ReLU: difference from the target ×{gain}, at most {values.max():.3f}."
    assert pane.get_by_role("button", name=label, exact=True).count() == 1
    expected = 255 * colormaps["magma"](np.minimum(gain * values, 1))[..., :3]
    assert np.abs(drawn(pane.locator("canvas")) - expected).max() <= 11, "nine colours stand for its 256"
    words = figure.get_by_role("status").inner_text()
    assert f"ReLU {values.max():.3f}" in words
    assert words.split("channels: 0")[1].strip().startswith(f"{1 / gain:g}")


def test_a_signed_difference_tells_brighter_from_darker(page: Page) -> None:
    from matplotlib import colormaps

    figure = page.locator("figure.images").first
    panes = panes_of(figure)
    figure.get_by_role("button", name="Signed").press("Enter")
    pane = figure.locator("[data-role=result]").last
    expect(pane.locator(".deviation")).to_be_visible()
    values = (panes["ReLU"] - panes["Target"]).mean(axis=2)
    assert values.min() < -0.05
    assert values.max() > 0.05
    assert pane.locator(".deviation").inner_text() == f"differs by at most {np.abs(values).max():.3f}"
    expected = 255 * colormaps["RdBu_r"](np.clip((4 * values + 1) / 2, 0, 1))[..., :3]
    assert np.abs(drawn(pane.locator("canvas")) - expected).max() <= 11, "nine colours stand for its 256"
    assert "image − target, 8 bits" in figure.get_by_role("status").inner_text()


def test_colours_are_compared_channel_by_channel(page: Page) -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 256, (2, 5, 7, 3))
    pixels = [np.dstack([image, np.full((5, 7), 255)]).ravel().tolist() for image in (one, other)]
    script = """pair => {
        const [one, other] = pair.map(data => ({ width: 7, height: 5, data }));
        return [[...differenceOf(one, other)], psnrOf(one, other, { x: 2, y: 1, width: 4, height: 3 })];
    }"""
    difference, psnr = page.evaluate(script, pixels)
    assert difference == pytest.approx((np.abs(one - other).mean(axis=2) / 255).ravel(), abs=1e-6)
    assert psnr == pytest.approx(crop_psnr(one / 255, other / 255, 2, 1, 4, 3))


def test_the_images_come_back(page: Page) -> None:
    figure = page.locator("figure.images").first
    figure.get_by_role("button", name="×16").click()
    expect(figure.locator(".frame canvas")).to_have_count(2)
    assert figure.locator(".picture:visible").count() == 1, "the target stays"
    figure.get_by_role("button", name="×4").click()
    figure.get_by_role("button", name="Images").click()
    expect(figure.locator(".frame canvas")).to_have_count(0)
    assert figure.locator(".picture:visible").count() == 3
    assert figure.locator(".deviation").count() == 0
    assert figure.get_by_role("status").inner_text() == ""


def test_differences_are_enlarged_with_the_images(page: Page) -> None:
    figure = page.locator("figure.images").first
    figure.get_by_role("button", name="×4").click()
    figure.locator("button.frame").last.press("Enter")
    page.wait_for_function("getComputedStyle(document.querySelector('.frame canvas')).transform.startsWith('matrix(4')")


def test_of_derivatives_only_the_images_are_compared(pictures: Page) -> None:
    figure = pictures.locator("figure.images:has(.derivatives)").first
    figure.get_by_role("button", name="×4").click()
    expect(figure.locator(".frame canvas")).to_have_count(2)
    assert figure.locator("[data-role]").count() == 3


# Two images in one place


def test_arrow_keys_move_the_boundary_and_space_flips(page: Page, dialog: Locator) -> None:
    slider = dialog.get_by_role("slider", name="Boundary")
    expect(slider).to_be_focused()
    assert slider.get_attribute("aria-valuetext") == "50 % SIREN, 50 % Target"
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("49")
    clip = "one => getComputedStyle(one.querySelectorAll('.stage img')[1]).clipPath"
    assert "51%" in dialog.evaluate(clip).replace("calc(100% - 49%)", "51%")
    for value in ("100", "0", "100"):
        page.keyboard.press("Space")
        expect(slider).to_have_value(value)
    assert slider.get_attribute("aria-valuetext") == "100 % SIREN, 0 % Target"


def test_any_two_images_can_be_chosen(page: Page, dialog: Locator) -> None:
    names = ["Target", "Input", "SIREN", "SIREN + P.E.", "ReLU + P.E.", "Bicubic"]
    for side in ("Left", "Right"):
        assert dialog.get_by_label(side).locator("option").all_inner_texts() == names
    dialog.get_by_label("Left").select_option("Bicubic")
    dialog.get_by_label("Right").select_option("ReLU + P.E.")
    alts = [str(image.get_attribute("alt")) for image in dialog.locator(".stage img").all()]
    assert alts == ["Right of the boundary: ReLU + P.E.", "Left of the boundary: Bicubic"]


def test_dragging_moves_the_boundary(page: Page, dialog: Locator) -> None:
    box = dialog.locator(".stage").bounding_box()
    assert box
    assert box["width"] == pytest.approx(box["height"])
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 60)
    page.mouse.up()
    expect(dialog.get_by_role("slider")).to_have_value("80")
    page.mouse.move(box["x"] + 10, box["y"] + 60)
    expect(dialog.get_by_role("slider")).to_have_value("80")


def test_escape_closes_and_the_focus_goes_back(page: Page, dialog: Locator) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(table1(page).get_by_role("button", name="Compare two")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_dialog_and_the_differences(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 700})
    figure = page.locator("figure.images").first
    figure.get_by_role("button", name="×4").click()
    expect(figure.locator(".deviation")).to_have_count(2)
    assert grave_violations(page, "figure.images") == []
    figure.get_by_role("button", name="Compare two").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert grave_violations(page, "dialog") == []
    assert page.evaluate("document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth")


# Crops


def crop_psnr(one: np.ndarray, other: np.ndarray, x: int, y: int, width: int, height: int) -> float:
    place = np.s_[y : y + height, x : x + width]
    return -10 * math.log10(np.square(one[place] - other[place]).mean())


def shown_crops(dialog: Locator) -> dict[str, str]:
    items = [item.inner_text().split("\n") for item in dialog.locator(".crops li").all()]
    return {name: " ".join(rest).strip() for name, *rest in items}


def test_a_crop_is_chosen_by_keyboard_and_scored_for_every_arm(page: Page, dialog: Locator) -> None:
    panes = panes_of(table1(page))
    for name, value in {"x": 5, "y": 17, "width": 40, "height": 9}.items():
        dialog.get_by_label(name, exact=True).fill(str(value))
    arms = ["SIREN", "SIREN + P.E.", "ReLU + P.E.", "Bicubic"]
    expected = {arm: f"{crop_psnr(panes[arm], panes['Target'], 5, 17, 40, 9):.2f} dB" for arm in arms}
    assert shown_crops(dialog) == {"Target": "", **expected}
    crop = drawn(dialog.locator(".crops canvas").nth(1))
    assert np.array_equal(crop, np.rint(255 * panes["SIREN"][17:26, 5:45]))
    assert "on [0, 1], of the 8-bit images" in dialog.inner_text()


def test_a_crop_is_drawn_with_the_mouse(page: Page, dialog: Locator) -> None:
    dialog.get_by_role("button", name="chooses the crop").click()
    box = dialog.locator(".stage").bounding_box()
    assert box
    pixel = box["width"] / 128
    # From below and right to above and left.
    page.mouse.move(box["x"] + 40.5 * pixel, box["y"] + 30.5 * pixel)
    page.mouse.down()
    page.mouse.move(box["x"] + 10.5 * pixel, box["y"] + 20.5 * pixel)
    page.mouse.up()
    fields = {name: dialog.get_by_label(name, exact=True).input_value() for name in ("x", "y", "width", "height")}
    assert fields == {"x": "10", "y": "20", "width": "31", "height": "11"}
    panes = panes_of(table1(page))
    assert shown_crops(dialog)["SIREN"] == f"{crop_psnr(panes['SIREN'], panes['Target'], 10, 20, 31, 11):.2f} dB"


def test_a_crop_stays_inside_the_image(page: Page, dialog: Locator) -> None:
    x, width = (dialog.get_by_label(name, exact=True) for name in ("x", "width"))
    x.fill("500")
    width.fill("-3")
    width.press("Tab")
    assert (x.input_value(), width.input_value()) == ("127", "1")


def test_a_crop_can_be_put_where_the_images_differ_most(page: Page, dialog: Locator) -> None:
    panes = panes_of(table1(page))
    dialog.get_by_role("button", name="Largest difference").press("Enter")
    x, y, width, height = (
        int(dialog.get_by_label(name, exact=True).input_value()) for name in ("x", "y", "width", "height")
    )
    assert (width, height) == (32, 32)
    arms = ("SIREN", "SIREN + P.E.", "ReLU + P.E.", "Bicubic")
    squares = sum(np.square(panes[arm] - panes["Target"]).mean(axis=2) for arm in arms)
    sums = {
        (left, top): float(squares[top : top + 32, left : left + 32].sum())
        for left in range(0, 97, 8)
        for top in range(0, 97, 8)
    }
    assert sums[x, y] == pytest.approx(max(sums.values()))
    dialog.get_by_role("button", name="Whole image").press("Enter")
    whole = f"{crop_psnr(panes['SIREN'], panes['Target'], 0, 0, 128, 128):.2f} dB"
    assert shown_crops(dialog)["SIREN"] == whole
    dialog.get_by_role("button", name="Middle").press("Enter")
    assert dialog.get_by_label("x", exact=True).input_value() == "48"


# Paper


def test_on_paper_the_differences_stand_below_the_images(page: Page) -> None:
    figure = page.locator("figure.images").first
    panes = panes_of(figure)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert figure.locator(".blend").count() == 2
    pane = figure.locator("[data-role=result]").last
    assert "|image − target| ×8" in pane.inner_text()
    seen = (
        Image.open(io.BytesIO(pane.locator(".blend").screenshot())).convert("L").resize((64, 64), Image.Resampling.BOX)
    )
    expected = 255 * np.minimum(8 * np.abs(panes["ReLU"] - panes["Target"]).mean(axis=2), 1)
    assert abs(np.asarray(seen).mean() - expected.mean()) < 5
    assert np.corrcoef(np.asarray(seen).ravel(), expected.ravel())[0, 1] > 0.9
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".blend").count() == 0


def test_differences_that_are_shown_are_printed_as_they_are(page: Page) -> None:
    figure = page.locator("figure.images").first
    figure.get_by_role("button", name="×16").press("Enter")
    expect(figure.locator(".frame canvas")).to_have_count(2)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert figure.locator(".blend").count() == 0
