"""The layouts of the report that are about pictures: derivatives, layers, galleries."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_fixtures import Made, Page, Run, paper_rows, pictures_run, write_cell

from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import changed, parse_name
from sirenbench.records import ACTIVATIONS, CURVES, IMAGES, folder_of
from sirenbench.report import paper
from sirenbench.report.cells import Cell, labelled, labels_of, read_cells
from sirenbench.report.figures.curves import Series, axes_of, draw
from sirenbench.report.figures.derivatives import draw_gradient, draw_laplacian, gradient_key, laplacian_key
from sirenbench.report.layouts import LAYOUTS
from sirenbench.report.scores import paper_numbers
from sirenbench.report.tables import activations_table, arms_table, curves_table, derivatives_table
from sirenbench.report.views.derivatives import ROWS, panels
from sirenbench.report.views.images import strip
from sirenbench.statistics import Mark


def pixels_of(uri: str | None) -> np.ndarray:
    """RGB of a data URI, (H, W, 3)."""
    head, _, data = str(uri).partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return pictures_run(tmp_path_factory.mktemp("pictures"), 48)


@pytest.fixture(scope="module")
def cells(run: Run) -> list[Cell]:
    return read_cells(run.collect())


def of(cells: list[Cell], study: str) -> list[Cell]:
    return [cell for cell in cells if cell.study == study]


def study_of(root: Path, *names: str, **study: object) -> list[Cell]:
    """Cells by their names; those that were not written before are missing."""
    run = Run(root, Config(run="small", studies={"study": Study(title="Study", grid=[], **study)}))  # type: ignore[arg-type]
    run.cells["study"] = [parse_name(name) for name in names]
    return read_cells(run.collect())


def section(html: str, study: str) -> str:
    start = html.index(f'id="study:{study}"')
    return html[start : html.index("</section>", start)]


# Colours of derivatives


@pytest.mark.parametrize(
    ("row", "column", "colour"),
    [(0, -1, (255, 0, 0)), (-1, 0, (128, 255, 0)), (0, 1, (0, 255, 255)), (1, 0, (128, 0, 255))],
    ids=["left red", "up yellow-green", "right cyan", "down violet"],
)
def test_the_hue_of_a_gradient_is_its_direction(row: float, column: float, colour: tuple[int, int, int]) -> None:
    gradient = np.tile(np.array([row, column]) * 0.3, (4, 4, 1))
    gradient[0] = 0
    assert np.abs(pixels_of(draw_gradient(gradient).uri)[-1, -1] - colour).max() <= 1


def test_the_brightness_of_a_gradient_goes_from_its_5th_to_its_95th_percentile() -> None:
    size = np.random.default_rng(0).gamma(2, size=(32, 32))
    field = draw_gradient(np.stack([np.zeros_like(size), -size], axis=-1))
    ordered = np.sort(size.ravel())
    low, high = (np.interp(share * (ordered.size - 1), np.arange(ordered.size), ordered) for share in (0.05, 0.95))
    assert (field.low, field.high) == pytest.approx((low, high))
    expected = np.clip((size - low) / (high - low), 0, 1) * 255
    assert np.abs(pixels_of(field.uri)[..., 0] - expected).max() <= 0.5 + 1e-9


def test_an_amplitude_changes_the_scale_and_not_the_picture() -> None:
    gradient = np.random.default_rng(1).normal(size=(16, 16, 2))
    one, other = draw_gradient(gradient), draw_gradient(4 * gradient)
    assert (one.uri, other.high) == (other.uri, pytest.approx(4 * one.high))
    one, other = draw_laplacian(gradient[..., 0]), draw_laplacian(4 * gradient[..., 0])
    assert (one.uri, other.high) == (other.uri, pytest.approx(4 * one.high))


def test_a_laplacian_is_white_at_zero_red_below_and_blue_above() -> None:
    ramp = np.tile(np.linspace(-1, 3, 201), (3, 1))
    field = draw_laplacian(ramp)
    assert field.high == pytest.approx(np.percentile(ramp, 98))
    red, green, blue = np.moveaxis(pixels_of(field.uri)[0], -1, 0)
    assert min(red[50], green[50], blue[50]) >= 245
    assert (red > blue + 20)[:35].all()
    assert (blue > red + 20)[80:].all()
    assert len({tuple(colour) for colour in pixels_of(field.uri)[0, 196:]}) == 1


@pytest.mark.parametrize("draw", [draw_gradient, draw_laplacian])
def test_what_has_no_picture_says_why(draw: object) -> None:
    assert callable(draw)
    shape = (4, 4, 2) if draw is draw_gradient else (4, 4)
    assert draw(np.zeros(shape)).words == "zero everywhere"
    assert draw(np.full(shape, np.nan)).words == draw(np.full(shape, np.inf)).words == "not finite"
    even = draw(np.full(shape, 0.5))
    assert even.uri
    assert not even.words


def test_the_keys_show_the_colours_that_the_pictures_have() -> None:
    disc, bar = pixels_of(gradient_key()), pixels_of(laplacian_key())
    middle, last = disc.shape[0] // 2, disc.shape[0] - 1
    assert np.abs(disc[middle, last - 1] - (0, 255, 255)).max() <= 12
    assert np.abs(disc[1, middle] - (128, 255, 0)).max() <= 12
    assert disc[middle, middle].max() <= 6
    ramp = np.tile(np.linspace(-1, 1, 256), (64, 1))
    assert np.array_equal(bar[0, [0, -1]], pixels_of(draw_laplacian(ramp).uri)[0, [0, -1]])


def test_a_panel_has_nothing_of_the_one_that_was_drawn_before_it() -> None:
    """They share their axes."""
    steps = np.arange(1200)
    high = Series("SIREN", 0, steps, 5000.0 + steps, np.ones(1200), 1e-3 * steps)
    low = Series("ReLU", 1, steps[:7], 0.1 * steps[:7], np.zeros(7), 60.0 * steps[:7])
    plain = [draw(f"key-{axis}", "psnr", [low], "PSNR", axis) for axis in ("steps", "seconds")]
    for axis in ("steps", "log", "seconds"):
        draw("other", "ssim", [high, low], "SSIM", axis)
        assert [draw(f"key-{axis}", "psnr", [low], "PSNR", axis) for axis in ("steps", "seconds")] == plain, axis


def test_only_long_curves_are_drawn_over_logarithmic_steps_too_and_from_the_first_step_on() -> None:
    def rising(last: int) -> Series:
        steps = np.arange(last + 1)
        return Series("SIREN", 0, steps, 20.0 + steps, np.ones(last + 1), 1.0 * steps)

    assert axes_of([rising(999)]) == ["steps", "seconds"]
    assert axes_of([rising(10), rising(1000)]) == ["steps", "log", "seconds"]
    drawing = draw("key", "psnr", [rising(1000)], "PSNR", "log")
    ticks = re.findall(r'x="([\d.]+)"[^>]*>(1|10|100|1,000)<', drawing)
    assert [words for _, words in ticks] == ["1", "10", "100", "1,000"]
    (start,) = re.findall(r'series-0 line"[^>]*><path d="m([\d.]+) ', drawing)
    assert float(start) == pytest.approx(float(ticks[0][0]), abs=0.1)
    assert "nan" not in drawing
    assert "band" not in drawing


def test_a_level_at_infinity_is_told_and_not_drawn() -> None:
    one, steps = np.ones(1), np.arange(5)
    rising = Series("SIREN", 0, steps, 20.0 + steps, np.zeros(5), 1.0 * steps)
    drawing = draw("key", "psnr", [rising, Series("Bicubic", 1, one, one * np.inf, one, one)], "PSNR")
    assert "SIREN ends at 24.00 after 4.0 s; Bicubic stands at ∞." in drawing
    assert not re.search(r"\b(?:nan|inf)\b", drawing)


# Layout: derivatives


def test_the_true_derivatives_are_those_of_the_8_bit_target_per_pixel(tmp_path: Path, run: Run) -> None:
    spec = run.cells["fig2"][0]
    bent = np.uint8(np.tile(np.r_[np.arange(24), 24 + 4 * np.arange(24)], (48, 1)))
    write_cell(tmp_path, spec, Made(30.0), bent)
    shown = labelled([cell for cell in read_cells(run.collect()) if cell.name == spec.name][:1])
    found = panels("key", shown, "Bent ramp", tmp_path)
    assert found
    image, gradient, laplacian = found.columns[0].panels
    assert np.array_equal(pixels_of(image.uri)[..., 0], bent)
    assert gradient.lines == [f"{2 / 255:.3g} to {4 * 2 / 255:.3g} per pixel"]
    dark, bright = pixels_of(gradient.uri)[24, [12, 36]]
    assert dark.max() <= 1
    assert np.abs(bright - (0, 255, 255)).max() <= 1
    red, _, blue = pixels_of(laplacian.uri)[24, 24]
    assert blue > red, "it bends upwards"


def test_columns_and_rows_are_those_of_the_papers_figures(run: Run, cells: list[Cell]) -> None:
    for study, arms in {
        "fig2": ["SIREN", "ReLU"],
        "fig3": ["ReLU, gradient", "SIREN, gradient", "SIREN, laplacian", "SIREN, gradient-2d"],
    }.items():
        found = panels("key", labelled(of(cells, study)), "Cameraman", run.results)
        assert found
        assert [column.label for column in found.columns] == ["Ground truth", *arms]
        assert [title for title, _ in found.rows] == list(ROWS) == ["Image", "Gradient", "Laplacian"]


def test_the_laplacian_of_a_relu_network_is_said_to_be_zero_everywhere(page: Page, html: str) -> None:
    assert section(html, "fig2").count("zero everywhere") == 1
    assert section(html, "fig3").count("zero everywhere") == 1


def test_a_reconstruction_is_shown_aligned_and_scored_both_ways(run: Run, cells: list[Cell]) -> None:
    shown = labelled(of(cells, "fig3"))
    found = panels("key", shown, "Cameraman", run.results)
    assert found
    assert found.aligned
    with np.load(folder_of(run.results, shown[1].cell.name) / IMAGES) as arrays:
        aligned, raw = arrays["aligned"], arrays["prediction"]
    panel = found.columns[2].panels[0]
    assert np.array_equal(pixels_of(panel.uri)[..., 0], aligned)
    assert not np.array_equal(aligned, raw)
    first = shown[1].cell.replicates[0].metrics
    assert panel.lines == [
        f"aligned: PSNR {first['psnr@align=affine'].last:.2f}",
        f"as it is: PSNR {first['psnr'].last:.2f}",
    ]


def test_without_an_aligned_image_the_networks_own_is_shown(run: Run, cells: list[Cell], tmp_path: Path) -> None:
    shown = labelled(of(cells, "fig3")[1:2])
    folder = folder_of(tmp_path, shown[0].cell.name)
    folder.mkdir(parents=True)
    with np.load(folder_of(run.results, shown[0].cell.name) / IMAGES) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "aligned"}
    np.savez(folder / IMAGES, **kept)
    found = panels("key", shown, "Cameraman", tmp_path)
    assert found
    assert not found.aligned
    assert np.array_equal(pixels_of(found.columns[1].panels[0].uri)[..., 0], kept["prediction"])
    assert found.columns[1].panels[0].lines[0].startswith("PSNR")


def test_every_picture_has_a_text_with_its_numbers(page: Page, html: str) -> None:
    texts = re.findall(r'(?:alt|aria-label)="([^"]*)"[^>]* class="picture"', section(html, "fig3"))
    # The ground truth, two arms with all three pictures, one without a Laplacian, one that is missing.
    assert len(texts) == len(set(texts)) == 3 * 4 - 1
    assert all("Cameraman 48²" in text and re.search(r"\d", text) for text in texts)
    assert sum("correlation 0.900" in text for text in texts) == 3
    assert "SIREN, gradient: the gradient of its reconstruction of Cameraman 48², PSNR 11." in " ".join(texts)


def test_the_caption_says_what_the_colours_mean(html: str) -> None:
    text = Page(f"<p>{section(html, 'fig3').split('<figcaption>', 1)[1].split('</figcaption>')[0]}</p>").words
    for words in ("the direction in which the image gets brighter", "5th to the 95th percentile", "“aligned”"):
        assert words in text
    for words in ("red where negative, white at zero, blue where positive", "98th percentile"):
        assert words in text
    assert "“aligned”" not in section(html, "fig2")


def test_a_study_of_which_nothing_ran_shows_no_pictures(html: str) -> None:
    assert "<img" not in section(html, "untested")
    assert "missing" in section(html, "untested")


def test_the_table_has_the_derivatives_scores_and_the_gain(cells: list[Cell]) -> None:
    table = derivatives_table(of(cells, "fig3"), {}, "Figure 3")
    aligned = ["psnr", "ssim", "psnr@align=affine", "ssim@align=affine"]
    scores = ["gradient_psnr", "gradient_correlation", "laplacian_psnr", "laplacian_correlation"]
    assert table.metrics == [*aligned, *scores, "gain"]
    assert table.extras == ["Gain asked for", "Parameters", "Steps/s"]
    assert [row.scores["psnr"].against.paper for row in table.rows[:3]] == ["6.217", "15.265", "14.010"]
    by_value = derivatives_table(of(cells, "fig2"), {}, "Figure 2")
    assert by_value.metrics == ["psnr", "ssim", *scores]
    assert by_value.extras == ["Parameters", "Steps/s"]


def test_the_gain_asked_for_is_the_papers_protocols(tmp_path: Path) -> None:
    """Protocol.md, losses: 2.510 for the authors' Sobel, a quarter for the plain one, 0.6151 for Laplacians."""
    name = "poisson/starfish-256/siren-2x256"
    switches = ("", "/supervision=gradient-2d", "/supervision=laplacian", "/supervision=laplacian/amplified=no")
    write_cell(tmp_path / "results", changed(parse_name(name), steps=10, replicates=1), Made(15.0, final=True))
    cells = study_of(tmp_path, f"{name}/steps=10/replicates=1", *(name + switch for switch in switches))
    rows = derivatives_table(cells, {}, "").rows
    assert [row.extras["Gain asked for"].text for row in rows] == ["2.510", "2.510", "0.627", "0.615", "0.000"]


def test_a_correlation_that_is_not_defined_is_no_divergence(cells: list[Cell]) -> None:
    relu = next(row for row in derivatives_table(of(cells, "fig2"), {}, "").rows if row.label == "ReLU")
    value = relu.scores["laplacian_correlation"].ours
    assert (value.text, value.note, value.mark) == ("–", "undefined", Mark.NONE)


def test_neither_more_nor_less_gain_is_best(cells: list[Cell]) -> None:
    rows = derivatives_table(of(cells, "fig3"), {}, "").rows
    assert {row.scores["gain"].ours.mark for row in rows if "gain" in row.scores} == {Mark.NONE}
    assert Mark.BEST in {row.scores["gradient_psnr"].ours.mark for row in rows if "gradient_psnr" in row.scores}


def test_what_is_measured_once_stays_out_of_ordinary_tables_and_is_in_the_details(tmp_path: Path) -> None:
    name = "fit/cameraman-32/siren-1x8/steps=20/replicates=2"
    write_cell(tmp_path / "results", parse_name(name), Made(30.0, final=True))
    run = Run(tmp_path, Config(run="small", studies={"study": Study(title="Study", grid=[])}))
    run.cells["study"] = [parse_name(name)]
    (cell,) = read_cells(run.collect())
    names = [f"{kind}_{score}" for kind in ("gradient", "laplacian") for score in ("psnr", "correlation")]
    assert list(cell.final) == names
    assert (cell.metrics, curves_table([cell], {}, "").metrics) == (["psnr", "ssim"], ["psnr", "ssim"])
    html = run.render()
    assert "Gradient PSNR" not in section(html, "study")
    assert section(html, "study").count("<th ") < 15
    assert "Gradient PSNR" in html[html.index('id="cells"') :]


def test_reconstructions_have_a_curve_of_their_aligned_score(html: str) -> None:
    assert section(html, "fig3").count("PSNR (align=affine) over the steps") == 1
    assert "align=affine" not in section(html, "fig2")


# Layout: activations


def test_every_cell_that_ran_has_a_figure_of_its_layers(html: str, cells: list[Cell]) -> None:
    own = section(html, "figs3")
    plots = re.findall(r'<svg class="plot".*?</svg>', own, re.S)
    assert len(plots) == 3
    assert [plot.count("predicted law</text>") for plot in plots] == [1, 1, 0], "the law is that of sines"
    assert own.index("<svg") < own.index("<th")
    table = activations_table(of(cells, "figs3"), {}, "")
    assert table.metrics == ["ks_normal", "ks_arcsine", "std_pre", "std_post", "gradient_ratio"]
    assert [row.scores["gradient_ratio"].ours.text for row in table.rows if row.scores][1] == "2,345"


def test_lost_or_damaged_statistics_stop_nothing(tmp_path: Path) -> None:
    run = pictures_run(tmp_path, 32)
    first, second = (folder_of(run.results, spec.name) / ACTIVATIONS for spec in run.cells["figs3"][:2])
    first.unlink()
    second.write_bytes(b"PK no archive")
    own = section(run.render(), "figs3")
    assert own.count("does not hold activation statistics") == 2
    assert own.count("<svg") == 1


# Layout: gallery


def test_a_gallery_shows_the_images_before_the_numbers_in_the_papers_order(run: Run, html: str) -> None:
    own = section(html, "fig6")
    assert own.index('class="gallery"') < own.index("<table")
    assert own.count('class="picture') == 6
    shown = labelled(of(read_cells(run.collect()), "fig6"))
    found = strip("key", shown, "Cameraman", run.results)
    assert found
    names = ["Target", "Input", "SIREN", "SIREN + VGG", "SIREN + P.E. + VGG", "Bicubic", "SRGAN"]
    assert [pane.title for pane in found.panes] == names


def test_what_was_trained_on_external_data_is_said_beside_its_name(html: str, cells: list[Cell]) -> None:
    own = of(cells, "fig6")
    columns = {column.label: column.note for column in arms_table(own, {}, "Figure 6").columns}
    assert columns["SRGAN"] == "trained on external data"
    assert not any(note for label, note in columns.items() if label != "SRGAN")
    assert section(html, "fig6").count("trained on external data") == 2, "below its image, and in the table"


def test_that_is_said_in_a_table_of_cells_too(tmp_path: Path) -> None:
    run = Run(tmp_path, Config(run="small", studies={"study": Study(title="Study", grid=[])}))
    run.cells["study"] = [parse_name(f"sr/cameraman-512-x4/{arm}") for arm in ("bicubic", "srgan")]
    headings = re.findall(r'<th scope="row">.*?</th>', section(run.render(), "study"), re.S)
    assert ["trained on external data" in heading for heading in headings] == [False, True]


def test_every_layout_of_a_study_can_be_shown() -> None:
    known = Study.model_fields["layout"].annotation
    assert set(LAYOUTS) == set(getattr(known, "__args__", ()))
    for layout in LAYOUTS.values():
        for template in (f"table_{layout.rows}", layout.template):
            assert (resources.files("sirenbench.report") / "templates" / f"{template}.html.j2").is_file()


# Names of cells


def test_a_switch_is_named_where_it_varies_within_a_method(tmp_path: Path) -> None:
    bicubic, srgan = "sr/cameraman-512-x4/bicubic", "sr/cameraman-512-x4/srgan"
    assert labels_of(study_of(tmp_path, bicubic, srgan)) == ["Bicubic", "SRGAN"]
    inputs = study_of(tmp_path, bicubic, srgan, f"{srgan}/kernel=pil-bilinear")
    assert labels_of(inputs) == ["Bicubic, pil-bilinear", "SRGAN, hr-bicubic", "SRGAN, pil-bilinear"]


def test_how_often_a_curve_was_scored_is_not_in_a_name(tmp_path: Path) -> None:
    name = "sr/cameraman-512-x4/siren-3x512"
    assert labels_of(study_of(tmp_path, name, f"{name}/steps=5000/eval_every=10")) == ["steps 500", "steps 5000"]


def test_what_is_not_in_a_name_is_named_where_nothing_else_tells_two_cells_apart(tmp_path: Path) -> None:
    name = "sr/cameraman-512-x4/siren-3x512"
    twice = study_of(tmp_path, name, f"{name}/eval_every=10", "sr/cameraman-512-x4/bicubic")
    assert labels_of(twice) == ["SIREN, eval every 1", "SIREN, eval every 10", "Bicubic"]
    assert [column.label for column in arms_table(twice, {}, "").columns] == labels_of(twice)
    same = [{"cells": {}, "text": "ours"}]
    arms = study_of(tmp_path, name, name.replace("siren", "siren+pe"), labels=same)
    assert len(set(labels_of(arms))) == 2


def test_remarks_tell_cells_of_one_arm_apart(tmp_path: Path) -> None:
    name = "sr/cameraman-512-x4/siren+vgg-3x512"
    labels = [{"cells": {"feature_weights": "trained"}, "text": "trained along"}]
    cells = study_of(tmp_path, name, f"{name}/feature_weights=trained", labels=labels)
    assert labels_of(cells) == ["SIREN + VGG", "SIREN + VGG (trained along)"]


# The paper's numbers


def test_table_1_trained_its_vgg_and_the_supplement_did_not() -> None:
    rows = [row for row in paper_rows() if "+vgg" in row["name"]]
    trained = {row["source"]: "/feature_weights=trained" in row["name"] for row in rows}
    assert [source for source, is_trained in trained.items() if is_trained] == ["Table 1", "the README beside Table 1"]


def test_the_run_that_was_no_siren_belongs_to_the_relu_network_that_it_was() -> None:
    name = "sr/div2k-0144-512-x4/{}-3x256/steps=1000"
    assert paper.find(name.format("siren+pe+vgg"), "psnr", "Figure S8b") is None
    relu = name.format("relu+pe+vgg")
    found = [paper.find(relu, "psnr", source) for source in ("Figure S8a", "Figure S8b", "Figure S7")]
    assert [value.printed for value in found if value] == ["17.514", "17.490", "17.514"]
    assert [value.source for metric, value in paper.find_all(relu) if metric == "psnr"] == [
        "Figure S8a",
        "Figure S8b, run as SIREN P.E.+VGG",
    ]


def test_what_was_read_off_a_curve_is_compared_at_its_step(tmp_path: Path) -> None:
    (cell,) = study_of(tmp_path, "fit/cameraman-256/relu-2x256")
    steps = [500, 1000, 2000, 5000, 10_000]
    found = [line for line in paper_numbers(cell, tmp_path / "results") if "Figure S1" in line]
    assert found == [
        f"PSNR (dB): {printed} after {step:,} steps in Figure S1, read off the authors’ figure."
        for printed, step in zip(("18.4", "19.6", "21.3", "23.2", "24.7"), steps, strict=True)
    ]
    value = paper.find(cell.name, "psnr", "Figure S1")
    assert value
    assert value.printed == "24.676", "tables have the last value"

    record = write_cell(tmp_path / "results", parse_name(cell.name), Made(25.0))
    assert record
    path = folder_of(tmp_path / "results", cell.name) / CURVES
    curves = pd.read_parquet(path)
    curves.loc[curves.step == 500, "psnr"] = 18.4 + 0.5
    curves.loc[curves.step == 1000, "psnr"] = 19.6 - 1.5
    curves = curves[curves.step != 10_000]
    curves.to_parquet(path, index=False)
    (cell,) = study_of(tmp_path, cell.name)
    found = [line for line in paper_numbers(cell, tmp_path / "results") if "Figure S1" in line]
    assert found[0].endswith("figure. Within ±1. Ours minus the paper’s: +0.500.")
    assert found[1].endswith("figure. Beyond ±1. Ours minus the paper’s: −1.500.")
    assert found[4].endswith("figure."), "it was not scored there"


def test_srgan_is_compared_with_the_paper_but_not_judged(run: Run, cells: list[Cell]) -> None:
    rows = [row for row in paper_rows() if row["name"].endswith("/srgan")]
    assert len(rows) == 12
    assert {row["tolerance"] for row in rows} == {""} != {row["tolerance"] for row in paper_rows()}
    srgan = of(cells, "fig6")[-1]
    entry = arms_table(of(cells, "fig6"), {}, "Figure 6").blocks[0].entries[-1]
    assert entry
    against = entry.scores["psnr"].against
    assert (against.paper, against.delta, against.verdict) == ("24.673", "+0.427", "other weights")
    assert "Not judged: the weights that the authors ran cannot be had" in paper_numbers(srgan, run.results)[0]


def test_a_cell_without_an_image_of_the_paper_has_no_numbers_of_it(run: Run, cells: list[Cell]) -> None:
    assert not paper_numbers(of(cells, "figs3")[0], run.results)


# The page


def test_two_renders_of_all_layouts_differ_in_the_line_of_the_date_only(run: Run, html: str) -> None:
    different = [one for one, other in zip(html.splitlines(), run.render().splitlines(), strict=True) if one != other]
    assert all('<time id="rendered"' in line for line in different)


def test_a_report_of_all_layouts_is_rendered_without_torch(run: Run, html: str) -> None:
    code = (
        "import sys; from pathlib import Path; from sirenbench.report.build import render; "
        "render(*map(Path, sys.argv[1:])); sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(run.folder), str(run.results)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_switch_that_names_of_metrics_show_is_explained(page: Page) -> None:
    assert "align=What is made up for before an image is compared" in page.words
