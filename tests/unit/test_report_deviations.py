"""Where text and code differ: the list itself, and what the report says of the cells of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from report_fixtures import Page, Run, demo_run

from sirenbench import catalog
from sirenbench.claims.load import load_claims
from sirenbench.config import load
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec, options_of
from sirenbench.report.cells import Cell, read_cells
from sirenbench.report.deviations import concerning, deviations_of, known
from sirenbench.spec import CellSpec

ROOT = Path(__file__).parents[2]
BY_ID = {one.id: one for one in known()}
POISSON = {"task": "poisson", "image": "starfish", "size": 256, "arm": "siren", "depth": 2, "width": 256}
SR = {"task": "sr", "image": "cameraman", "size": 512, "factor": 4}
ARM = SR | {"arm": "siren", "depth": 3, "width": 512}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return demo_run(tmp_path_factory.mktemp("deviations"), steps=60)


def cell_of(spec: CellSpec) -> Cell:
    texts = dict.fromkeys(("study", "method", "track", "state", "reason", "reference", "command"), "")
    return Cell(name=spec.name, parts=spec.as_dict(), scaled=(), further={}, lacking={}, record=None, **texts)


def test_there_are_those_that_the_scorecard_judges() -> None:
    claims = load_claims(ROOT / "config/claims.yaml").claims
    assert list(BY_ID) == [name for name in claims if name.startswith("DEV-")]
    assert list(BY_ID) == [f"DEV-{number:02}" for number in range(1, 23)]


@pytest.mark.parametrize("deviation", BY_ID.values(), ids=BY_ID)
def test_every_pattern_is_of_keys_that_cells_have(deviation: object) -> None:
    keys = {"task", "image", "size", "factor", "arm", "depth", "width"}
    for task in catalog.tasks():
        for arm in ("siren+pe+vgg", "srgan", "bicubic"):
            keys |= {option.name for option in options_of(task, arm)}
    used = [pattern for name in ("cells", "described", "improved") for pattern in getattr(deviation, name)]
    assert {key for pattern in used for key in pattern} <= keys


def test_every_deviation_concerns_some_cell_of_the_paper() -> None:
    cells = load([ROOT / "config/assets.yaml", ROOT / "config/paper.yaml"]).unique_cells.values()
    found = Counter(one.id for spec in cells for one, _ in concerning(cell_of(spec)))
    assert set(found) == set(BY_ID)


@pytest.mark.parametrize(
    ("deviation", "fields", "words"),
    [
        ("DEV-01", ARM, "as run"),
        ("DEV-01", ARM | {"channel": "rgb"}, "as described"),
        ("DEV-01", SR | {"arm": "bicubic"}, None),
        ("DEV-02", POISSON, "as run"),
        ("DEV-02", POISSON | {"image": "starfish-center"}, "as described"),
        ("DEV-02", POISSON | {"image": "cameraman"}, None),
        ("DEV-03", POISSON | {"form": "norm"}, "as described"),
        ("DEV-04", ARM, None),
        ("DEV-04", ARM | {"arm": "relu+pe", "frequencies": "4"}, "as described"),
        ("DEV-06", SR | {"arm": "srgan"}, "as described"),
        ("DEV-07", SR | {"image": "div2k-0049", "arm": "bicubic"}, "as described"),
        ("DEV-09", ARM | {"arm": "siren+vgg", "features": "vgg16"}, "improved"),
        ("DEV-10", ARM | {"arm": "siren+vgg", "feature_weights": "trained"}, "as run"),
        ("DEV-11", ARM | {"arm": "relu+pe+vgg"}, "as run"),
        ("DEV-11", ARM | {"arm": "siren+pe+vgg"}, "as described"),
        ("DEV-12", SR | {"arm": "srgan", "kernel": "lanczos"}, "improved"),
        ("DEV-13", SR | {"arm": "srgan"}, None),
        ("DEV-13", SR | {"arm": "srgan", "factor": 8}, "as run"),
        ("DEV-15", POISSON | {"hidden_init": "uniform"}, "as run"),
        ("DEV-17", POISSON, None),
        ("DEV-17", POISSON | {"first_omega": 240}, "as run"),
        ("DEV-20", ARM | {"grid": "center"}, "improved"),
        ("DEV-20", SR | {"arm": "bicubic"}, None),
    ],
)
def test_what_a_cell_does(deviation: str, fields: dict, words: str | None) -> None:
    found = {one.id: words for one, words in concerning(cell_of(make_spec(fields)))}
    assert found.get(deviation) == words


def test_cells_are_counted_once_whichever_studies_show_them() -> None:
    plain, rgb = (cell_of(make_spec(ARM | {"channel": channel})) for channel in ("grey", "rgb"))
    found = deviations_of({"one": [plain, rgb], "two": [plain]}, {"one": "One", "two": "Two"})
    line = next(line for line in found.lines if line.deviation.id == "DEV-01")
    assert line.tally == "2 cells: 1 as run, 1 as described"
    assert line.studies == [("one", "One", "2 cells: 1 as run, 1 as described"), ("two", "Two", "1 cell: as run")]


def test_the_page_has_those_that_concern_its_cells_and_sets_the_others_apart(run: Run, page: Page, html: str) -> None:
    concerned = {one.id for cell in read_cells(run.collect()) for one, _ in concerning(cell)}
    assert {"DEV-01", "DEV-04", "DEV-20"} <= concerned
    assert not {"DEV-02", "DEV-10", "DEV-22"} & concerned
    ids = {attrs.get("id") for attrs in page.all("tr")}
    assert {f"deviation:{one}" for one in BY_ID} <= ids
    first, others = html.split("Deviations that concern no cell")
    for one in BY_ID:
        assert (f'id="deviation:{one}"' in first) == (one in concerned)
        assert (f'id="deviation:{one}"' in others) == (one not in concerned)


def test_every_cell_names_its_own(page: Page) -> None:
    assert "Text and code differ" in page.words
    assert "#deviation:DEV-04" in {attrs.get("href") for attrs in page.all("a")}


def test_a_run_of_no_cell_has_the_list_all_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path, Config(run="small", studies={"study": Study(title="Study", grid=[])}), {"study": []})
    assert "22 more deviations concern no cell of this run" in Page(run.render()).words
