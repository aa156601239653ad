"""The configuration: merged from files, checked as a whole, expanded to cells."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from sirenbench.config import load
from sirenbench.config.generate import generated
from sirenbench.config.grid import paper_cell
from sirenbench.config.yaml import read_yaml
from sirenbench.names import parse_name

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "config/assets.yaml"

GRID = {"task": "fit", "image": "camera", "size": 64, "arm": "siren", "depth": 2, "width": 16}


def written(folder: Path, content: object, name: str = "own.yaml") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return path


def study(**changes: object) -> dict[str, object]:
    return {"title": "T", "grid": GRID} | changes


def test_the_generated_files_are_what_the_models_say() -> None:
    for path, text in generated().items():
        assert (ROOT / path).read_text() == text, f"{path} drifted; run 'make generate'"


def test_the_reference_of_all_settings_is_itself_a_valid_configuration() -> None:
    assert load([ASSETS, ROOT / "config/default.yaml"]).cells == {}


@pytest.mark.parametrize("name", ["config.yaml", "paper.yaml"])
def test_every_configuration_that_ships_is_valid(name: str) -> None:
    loaded = load([ASSETS, ROOT / "config" / name])
    assert all(loaded.cells.values())


def test_lists_expand_to_their_product_in_the_order_of_the_grid(tmp_path: Path) -> None:
    grid = GRID | {"depth": [1, 2], "first_omega": [8, 30]}
    loaded = load([ASSETS, written(tmp_path, {"studies": {"s": study(grid=grid)}})])
    assert [spec.name for spec in loaded.cells["s"]] == [
        "fit/camera-64/siren-1x16/first_omega=8",
        "fit/camera-64/siren-1x16",
        "fit/camera-64/siren-2x16/first_omega=8",
        "fit/camera-64/siren-2x16",
    ]


def test_excluded_combinations_are_left_out(tmp_path: Path) -> None:
    grid = GRID | {"depth": [1, 2], "width": [8, 16]}
    content = {"studies": {"s": study(grid=grid, exclude=[{"depth": 1, "width": [8, 9]}])}}
    names = [spec.shape for spec in load([ASSETS, written(tmp_path, content)]).cells["s"]]
    assert names == ["1x16", "2x8", "2x16"]


def test_a_cell_that_two_studies_need_is_one_cell(tmp_path: Path) -> None:
    loaded = load([ASSETS, written(tmp_path, {"studies": {"one": study(), "two": study()}})])
    assert len(loaded.unique_cells) == 1


def test_later_files_add_studies_and_replace_entries_of_the_same_name(tmp_path: Path) -> None:
    first = written(tmp_path, {"run": "a", "studies": {"one": study(), "two": study()}}, "first.yaml")
    second = written(tmp_path, {"studies": {"two": study(title="new"), "three": study()}}, "second.yaml")
    config = load([ASSETS, first, second], {"device": "cpu"}).config
    assert (config.run, config.device) == ("a", "cpu")
    assert [config.studies[name].title for name in ("one", "two", "three")] == ["T", "new", "T"]


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    text = "studies: {s: {title: on, grid: {task: fit, image: camera, size: 64, arm: siren, depth: 2, width: 16, lr: [1e-3, .5, 2]}}}"
    loaded = load([ASSETS, written(tmp_path, text)])
    assert [spec["lr"] for spec in loaded.cells["s"]] == [0.001, 0.5, 2.0]
    assert loaded.config.studies["s"].title == "on"


def test_relative_paths_start_at_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"")
    loaded = load([ASSETS, written(tmp_path, {"images": {"mine": {"path": "photo.png"}}})])
    assert loaded.asset(loaded.asset_of("mine")).path == str(tmp_path / "photo.png")  # type: ignore[union-attr]


def test_a_folder_is_a_data_set_of_its_pictures(tmp_path: Path) -> None:
    for name in ("Kodim 01.png", "b.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    loaded = load([ASSETS, written(tmp_path, {"images": {"set": {"folder": ".", "crop": "center"}}})])
    own = [image for image in loaded.config.images if image.startswith("set-")]
    assert own == ["set-kodim-01", "set-b"]
    assert loaded.recipe("set-b").crop == "center"


def test_the_same_content_has_the_same_digest_and_another_has_another(tmp_path: Path) -> None:
    one, same = written(tmp_path, {"run": "a"}, "1.yaml"), written(tmp_path, "# note\nrun: a", "2.yaml")
    assert load([one]).digest == load([same]).digest != load([one], {"title": "x"}).digest


def test_a_scaled_down_cell_knows_the_cell_of_the_paper_it_stands_for() -> None:
    cell = parse_name("sr/cameraman-128-x8/siren-3x128/steps=300/replicates=3")
    reference = {"size": 512, "width": 512, "steps": 500, "replicates": 5}
    assert paper_cell(cell, reference).name == "sr/cameraman-512-x8/siren-3x512"
    assert paper_cell(parse_name("sr/cameraman-128-x8/bicubic"), reference).name == "sr/cameraman-512-x8/bicubic"


def test_ten_thousand_cells_expand_in_a_few_seconds_and_without_torch(tmp_path: Path) -> None:
    grid = GRID | {"first_omega": list(range(1, 101)), "seed": list(range(100))}
    path = written(tmp_path, {"studies": {"s": study(grid=grid)}})
    code = (
        "import sys; from pathlib import Path; from sirenbench.config import load\n"
        f"loaded = load([Path({str(ASSETS)!r}), Path({str(path)!r})])\n"
        "assert len(loaded.unique_cells) == 10_000\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'scipy', 'skimage'} & set(sys.modules), set(sys.modules)"
    )
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert time.monotonic() - started < 15


MISTAKES = {
    "an unknown key": ({"rum": "a"}, "rum: no such key; allowed:", "did you mean 'run'?"),
    "a bad run name": ({"run": "../x"}, "run: '../x'", "pattern"),
    "an unknown word": ({"device": "gpu"}, "device: 'gpu' is not known; allowed: auto, cpu, cuda", ""),
    "a wrong type": ({"resources": {"threads": "two"}}, "resources.threads: 'two'", "integer"),
    "a number out of bounds": ({"resources": {"threads": 0}}, "resources.threads: 0", "greater than or equal to 1"),
    "an unknown key in a block": ({"resources": {"thread": 1}}, "resources.thread: no such key", "did you mean 'threads'?"),
    "a study without a grid": ({"studies": {"s": {"title": "T"}}}, "studies.s.grid: is missing", ""),
    "a study that is a word": ({"studies": {"s": "x"}}, "studies.s: 'x'", "valid dictionary"),
    "a misspelt study key": ({"studies": {"s": study(titel="x")}}, "studies.s.titel: no such key", "did you mean 'title'?"),
    "an unknown task": ({"studies": {"s": study(grid=GRID | {"task": "fti"})}}, "studies.s.grid.task: 'fti' is not known", "did you mean 'fit'?"),
    "an unknown arm": ({"studies": {"s": study(grid=GRID | {"arm": "sirn"})}}, "studies.s.grid.arm: 'sirn' is not known", "did you mean 'siren'?"),
    "weights that are nowhere": ({"studies": {"s": study(grid={"task": "sr", "image": "camera", "size": 64, "factor": 2, "arm": "external", "weights": "srgn-x4"})}}, "studies.s.grid: a cell needs the asset 'srgn-x4', which is not there", "did you mean 'srgan-x4'?"),
    "a network without weights": ({"studies": {"s": study(grid={"task": "sr", "image": "camera", "size": 64, "factor": 2, "arm": "external"})}}, "studies.s.grid.weights: sr/camera-64-x2/external names none", "add weights=<asset>"),
    "a generator of no such scale": ({"studies": {"s": study(grid={"task": "sr", "image": "camera", "size": 64, "factor": 16, "arm": "srgan", "generator": "5-block"})}}, "studies.s.grid.generator: there is no 5-block generator of scale 16", "factors 2, 4, 8"),
    "a metric that is measured anyway": ({"metrics": ["gain"]}, "metrics[0]: 'gain' is measured where it applies", "leave it out"),
    "an unknown image": ({"studies": {"s": study(grid=GRID | {"image": "camra"})}}, "studies.s.grid.image: no image is named 'camra'", "did you mean 'camera'?"),
    "an unknown scheme": ({"studies": {"s": study(grid=GRID | {"first_init": "xavier"})}}, "studies.s.grid.first_init: 'xavier' is not known; allowed: standard", "did you mean 'xavier_"),
    "an option of another arm": ({"studies": {"s": study(grid=GRID | {"arm": ["siren", "relu"], "first_omega": 60})}}, "studies.s.grid.first_omega: no such key for fit with relu", ""),
    "a missing part": ({"studies": {"s": study(grid={k: v for k, v in GRID.items() if k != "size"})}}, "studies.s.grid.size: is missing", "a whole number from 8"),
    "a list of lists": ({"studies": {"s": study(grid=GRID | {"size": [[64]]})}}, "studies.s.grid[0].size: [[64]]: should be a number", ""),
    "an empty list": ({"studies": {"s": study(grid=GRID | {"size": []})}}, "studies.s.grid[0].size: []: should be a number, a word, or a list", ""),
    "a truth value": ({"studies": {"s": study(grid=GRID | {"steps": True})}}, "studies.s.grid[0].steps: True: should be a number, a word, or a list", ""),
    "a fraction for a count": ({"studies": {"s": study(grid=GRID | {"steps": 10.5})}}, "studies.s.grid.steps: 10.5 is not a whole number", ""),
    "a factor that does not divide": ({"studies": {"s": study(grid=GRID | {"task": "sr", "factor": 3})}}, "studies.s.grid.factor: 3 does not divide the image size 64", ""),
    "an exclude that never matches": ({"studies": {"s": study(exclude=[{"depth": 9}])}}, "studies.s.exclude[0]: {'depth': 9} matches no combination", ""),
    "a reference key that no cell has": ({"studies": {"s": study(reference={"kernel": "box"})}}, "studies.s.reference.kernel: no cell of this study has such a key", ""),
    "a crop of three numbers": ({"studies": {"s": study(crops={"face": [1, 2, 3]})}}, "studies.s.crops.face: [1, 2, 3]: should be [x, y, width, height] in pixels", "whole numbers, x and y from 0, width and height from 1"),
    "a crop of fractions": ({"studies": {"s": study(crops={"face": [0.1, 0.2, 0.5, 0.5]})}}, "studies.s.crops.face: [0.1, 0.2, 0.5, 0.5]: should be [x, y, width, height]", "whole numbers"),
    "a crop of truth": ({"studies": {"s": study(crops={"face": [True, 2, 3, 4]})}}, "studies.s.crops.face: [True, 2, 3, 4]: should be", "whole numbers"),
    "a crop that begins outside": ({"studies": {"s": study(crops={"face": [-1, 2, 3, 4]})}}, "studies.s.crops.face: [-1, 2, 3, 4]: should be", "x and y from 0"),
    "a crop of no pixel": ({"studies": {"s": study(crops={"face": [1, 2, 0, 4]})}}, "studies.s.crops.face: [1, 2, 0, 4]: should be", "width and height from 1"),
    "a crop that is a word": ({"studies": {"s": study(crops={"face": "middle"})}}, "studies.s.crops.face: 'middle': should be [x, y, width, height]", ""),
    "a crop beyond the image": ({"studies": {"s": study(crops={"face": [40, 2, 25, 4]})}}, "studies.s.crops.face: [40, 2, 25, 4] ends at (65, 6), beyond an image of 64 x 64 pixels", "x + width and y + height up to 64"),
    "a crop beyond the smallest image": ({"studies": {"s": study(grid=GRID | {"size": [32, 64]}, crops={"face": [0, 0, 64, 64]})}}, "studies.s.crops.face: [0, 0, 64, 64] ends at (64, 64), beyond an image of 32 x 32", "up to 32"),
    "a crop without a name": ({"studies": {"s": study(crops={" ": [0, 0, 4, 4]})}}, "studies.s.crops: ' ' is no name of a crop", ""),
    "crops where no strip is": ({"studies": {"s": study(layout="derivatives", crops={"face": [0, 0, 4, 4]})}}, "studies.s.layout: 'derivatives' has no images to show crops of", "allowed: curves, table, gallery"),
    "a study named like a rule": ({"studies": {"train": study()}}, "studies.train: 'train' names something else", "choose another name"),
    "a study name with a slash": ({"studies": {"a/b": study()}}, "studies.a/b: 'a/b' cannot be a target", "lower-case"),
    "an image with two origins": ({"images": {"x": {"asset": "camera", "path": "x.png"}}}, "images.x:", "exactly one of asset, path and folder"),
    "an image of no asset": ({"images": {"x": {"asset": "camra"}}}, "images.x.asset: no asset is named 'camra'", "did you mean 'camera'?"),
    "an image file that is not there": ({"images": {"x": {"path": "no.png"}}}, "images.x.path:", "there is no such file"),
    "a folder given as a file": ({"images": {"x": {"path": "."}}}, "images.x.path:", "give it as 'folder:'"),
    "a folder that is not there": ({"images": {"x": {"folder": "no"}}}, "images.x:", "cannot be read as a folder"),
    "an image name with capitals": ({"images": {"Photo": {"asset": "camera"}}}, "images.Photo: 'Photo' cannot be part of a cell name", "lower-case"),
    "an unknown source": ({"assets": {"x": {"source": "ftp"}}}, "assets.x: source 'ftp' is not known; allowed: package, pypi, url", ""),
    "an asset without source": ({"assets": {"x": {"licence": "MIT"}}}, "assets.x: 'source' is missing", ""),
    "a hash that is none": ({"assets": {"x": {"source": "url", "url": "http://h/x", "licence": "-", "sha256": "xyz"}}}, "assets.x.sha256: 'xyz'", "pattern"),
    "a misspelt asset key": ({"assets": {"x": {"source": "url", "url": "http://h/x", "licence": "-", "sha265": "00000000"}}}, "assets.x.sha265: no such key", "did you mean 'sha256'?"),
    "a run named like a rule": ({"run": "cells"}, "run: 'cells' names something else", "choose another name"),
    "a run named like a folder of results": ({"run": "logs"}, "run: 'logs' names something else", "choose another name"),
    "a study named like a file": ({"studies": {"report.html": study()}}, "studies.report.html: 'report.html' cannot be a target", "lower-case"),
    "a metric that is always there": ({"metrics": ["psnr"]}, "metrics[0]: 'psnr' is there already", "leave it out"),
    "another scheme": ({"assets": {"x": {"source": "url", "url": "ftp://h/x", "licence": "-"}}}, "assets.x.url: 'ftp://h/x'", "https?"),
    "an unknown metric": ({"metrics": ["pnsr"]}, "metrics[0]:", "did you mean 'psnr'?"),
    "a switch a metric lacks": ({"metrics": ["psnr@window=gaussian"]}, "metrics[0]:", "no switch 'window'"),
}  # fmt: skip


def test_a_crop_may_be_the_whole_image(tmp_path: Path) -> None:
    content = {"studies": {"s": study(crops={"all of it": [0, 0, 64, 64], "a corner": [63, 63, 1, 1]})}}
    crops = load([ASSETS, written(tmp_path, content)]).config.studies["s"].crops
    assert crops == {"all of it": (0, 0, 64, 64), "a corner": (63, 63, 1, 1)}


@pytest.mark.parametrize(("content", "place", "help"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_file_key_and_what_is_allowed(
    content: dict[str, object], place: str, help: str, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(Exception) as caught:
        load([ASSETS, path])
    text = str(caught.value)
    assert type(caught.value).__name__ == "Mistakes", text
    assert f"{path}: {place}" in text
    assert help in text
    assert text.startswith("1 mistake in the configuration:"), text


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, {"device": "gpu", "rum": 1, "resources": {"threads": 0}})
    with pytest.raises(Exception, match="3 mistakes"):
        load([path])


def test_leading_zeros_are_decimal(tmp_path: Path) -> None:
    text = "studies: {s: {title: T, grid: {task: fit, image: camera, size: 0016, arm: siren, depth: 2, width: 010}}}"
    (spec,) = load([ASSETS, written(tmp_path, text)]).cells["s"]
    assert (spec.size, spec.width) == (16, 10)


FILES = {
    "not there": (None, "there is no such file"),
    "no mapping": ("- a\n- b\n", "not a mapping"),
    "broken YAML": ("a: [1, 2\nb: 3", "line 2"),
    "a key twice": ("run: a\nrun: b\n", "line 2: the key 'run' is given twice"),
    "a tag that runs code": ("run: !!python/object/apply:os.system ['true']\n", "line 1"),
    "a key that is a list": ("studies:\n  ? [a, b]\n  : 1\n", "line 2: a key must be a word"),
    "bytes": (b"\xff\xfe\x00", "cannot be read"),
}


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_is_told_with_its_reason(
    content: str | bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Exception) as caught:
        load([path])
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_mistake_on_the_command_line_is_told_as_such() -> None:
    with pytest.raises(Exception, match="--config: device: 'gpu' is not known"):
        load([ASSETS], {"device": "gpu"})


def test_an_entry_may_be_made_of_another_that_is_made_of_a_third(tmp_path: Path) -> None:
    """A merge repeats keys on purpose, however deep."""
    path = tmp_path / "own.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  x: 3\nc:\n  <<: *b\n  x: 4\n")
    assert read_yaml(path)["c"] == {"x": 4, "y": 2}
