"""Places of images that a study names: enlarged on the page, each with its PSNR, from what the cells left."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from report_fixtures import CROPS, Page, Run, crops_run

from sirenbench import catalog
from sirenbench.collect import RUN, read_run
from sirenbench.config.model import Config
from sirenbench.config.studies import WITH_STRIPS, Study
from sirenbench.names import parse_name
from sirenbench.records import IMAGES, folder_of
from sirenbench.report.cells import labelled, read_cells
from sirenbench.report.figures.pictures import picture_uri, pixels_of
from sirenbench.report.layouts import LAYOUTS
from sirenbench.report.views.crops import crops_of, psnr_of
from sirenbench.report.views.images import Strip, strip
from sirenbench.worker.job import CellJob
from sirenbench.worker.job import run as run_cell
from sirenbench.worker.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return crops_run(tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="module")
def shown(run: Run) -> Strip:
    found = strip("key", labelled(read_cells(run.collect())), "Cameraman", run.results)
    assert found
    return found


def test_a_crop_has_a_piece_of_the_target_and_of_every_result(shown: Strip) -> None:
    first, second = crops_of(shown, CROPS)
    assert (first.name, first.place) == ("face & hands", (20, 9, 24, 16))
    for crop in (first, second):
        assert [piece.pane.title for piece in crop.pieces] == ["Target", "SIREN", "Bicubic"]
    assert first.pieces[0].score == ""


def test_its_scores_are_those_of_the_pixels_that_the_cells_left(run: Run, shown: Strip) -> None:
    siren, _, bicubic = run.cells["sr"]
    for crop in crops_of(shown, CROPS):
        x, y, width, height = crop.place
        for spec, piece in zip((siren, bicubic), crop.pieces[1:], strict=True):
            with np.load(folder_of(run.results, spec.name) / IMAGES) as arrays:
                apart = arrays["prediction"].astype(int) - arrays["target"]
            error = np.square(apart[y : y + height, x : x + width]).mean() / 255**2
            assert piece.score == f"{-10 * math.log10(error):.2f} dB"


def test_a_place_without_an_error_has_an_infinite_score(shown: Strip) -> None:
    target = pixels_of(shown.panes[0].uri)
    assert psnr_of(target, target, (3, 4, 5, 6)) == math.inf


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3)])
def test_pixels_are_read_back_from_the_page_as_they_were(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    read = pixels_of(picture_uri(pixels))
    assert np.array_equal(read, pixels if len(shape) == 3 else np.dstack([pixels] * 3))


@pytest.mark.parametrize("place", [(64, 0, 1, 1), (0, 200, 4, 4), (60, 0, 5, 4), (0, 60, 4, 5)])
def test_a_place_outside_of_the_picture_is_left_out(shown: Strip, place: tuple[int, int, int, int]) -> None:
    """Such a place is refused before a run: a file of the run was altered since."""
    assert [crop.name for crop in crops_of(shown, {"corner": (60, 60, 4, 4), "outside": place})] == ["corner"]


TASKS = {
    "fit": "fit/picture-16/siren-1x8/steps=2/replicates=1",
    "sr": "sr/picture-16-x2/siren-1x8/steps=2/replicates=1",
    "poisson": "poisson/picture-16/siren-1x8/steps=2/replicates=1",
    "activations": "activations/picture-16/siren-1x8/replicates=1",
}


@pytest.mark.parametrize("layout", WITH_STRIPS)
@pytest.mark.parametrize("task", catalog.tasks())
def test_cells_of_every_task_leave_what_a_crop_is_of(
    task: str, layout: str, picture_status: Path, tmp_path: Path
) -> None:
    """So that a study with crops that the configuration allows does not come out without them."""
    spec = parse_name(TASKS[task])
    study = Study(title="Study", layout=layout, grid=[], crops={"here": (2, 3, 4, 5)})  # type: ignore[arg-type]
    run = Run(tmp_path / "run", Config(run="small", studies={"study": study}), {"study": [spec]})
    run_cell(CellJob(spec, "none", picture_status, run.results), train)
    page = Page(run.render())
    assert sum(attrs.get("viewbox") == "2 3 4 5" for attrs in page.all("svg")) == 2


def test_no_picture_is_embedded_again_for_its_crops(page: Page) -> None:
    uris = re.findall(r'"(data:image/webp;base64,[^"]+)"', page.html)
    assert len(uris) == len(set(uris)) == 4
    boxes = [attrs["viewbox"] for attrs in page.all("svg") if attrs.get("viewbox") in ("20 9 24 16", "40 48 24 16")]
    assert len(boxes) == 2 * 3
    labels = [str(attrs["aria-label"]) for attrs in page.all("svg") if attrs.get("viewbox") == "20 9 24 16"]
    assert labels == [f"face & hands, {title}" for title in ("Target", "SIREN", "Bicubic")]


def test_a_crop_is_told_by_its_name_and_place_and_no_name_is_markup(page: Page) -> None:
    assert "face & hands 24 × 16 pixels at (20, 9)" in page.words
    assert "<b>edge</b> 24 × 16 pixels at (40, 48)" in page.words
    assert page.all("b") == []


def test_a_run_that_was_collected_before_there_were_crops_is_read(run: Run) -> None:
    run.collect()
    path = run.folder / RUN
    content = json.loads(path.read_text())
    del content["studies"]["sr"]["crops"]
    path.write_text(json.dumps(content))
    assert read_run(run.folder)[0]["studies"]["sr"]["crops"] == {}


def test_crops_are_allowed_where_a_study_shows_a_strip() -> None:
    assert {name for name, layout in LAYOUTS.items() if layout.template == "strip"} == set(WITH_STRIPS)
