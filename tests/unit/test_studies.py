"""The studies that ship: the paper's at full size, the rehearsal of all of them, and local copies of DIV2K for both."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_fixtures import paper_rows

from sirenbench import cli
from sirenbench.assets.status import write_status
from sirenbench.assets.store import fetch
from sirenbench.config import Loaded, load
from sirenbench.config.grid import paper_cell
from sirenbench.config.yaml import read_yaml
from sirenbench.listing import is_dry_run, print_plan
from sirenbench.names import make_spec, parse_name
from sirenbench.options import Choice
from sirenbench.spec import CellSpec
from sirenbench.worker.baseline import baseline
from sirenbench.worker.job import CellJob, run
from sirenbench.workflow import Workflow

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "config/assets.yaml"
PAPER = load([ASSETS, ROOT / "config/paper.yaml"])
SMOKE = load([ASSETS, ROOT / "config/smoke.yaml"])
SCHEMES = ("standard", "kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")
OMEGAS = (8, 15, 30, 60, 120, 240)
FIGURES = ("2", "3", "4a", "4b", "5a", "5b", "6", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8a", "S8b", "S9")
TABLE_1 = (
    *("siren-3x512", "siren+vgg-3x512/feature_weights=trained", "siren+pe-3x512", "relu+pe-3x512"),
    *("bicubic", "srgan"),
)


def cells(study: str, loaded: Loaded = PAPER) -> list[CellSpec]:
    return loaded.cells[study]


def names(study: str) -> set[str]:
    return {spec.name for spec in cells(study)}


# ---- The paper ----


@pytest.mark.parametrize("wanted", [*(f"Figure {number}" for number in FIGURES), "Table 1", "Table S1"])
def test_every_figure_and_table_of_the_paper_has_a_study(wanted: str) -> None:
    sources = [study.source for study in PAPER.config.studies.values() if study.track == "as-run"]
    assert any(re.search(rf"\b{wanted}\b", source) for source in sources)


# protocol.md, networks: depth x width and steps of each experiment.
@pytest.mark.parametrize(
    ("study", "shapes", "steps", "data"),
    [
        ("fig2", {"2x256"}, 15_000, {"cameraman-256"}),
        ("figs1", {"2x256"}, 15_000, {"cameraman-256"}),
        ("fig3", {"2x256"}, 15_000, {"starfish-256"}),
        ("fig4a", {"2x256", "3x256"}, 1_000, {"cameraman-256"}),
        ("fig4b", {"2x256", "3x256"}, 1_000, {"cameraman-256"}),
        ("figs2", {"3x256"}, 1_000, {"cameraman-256"}),
        ("fig5a", {"2x256", "8x256"}, 1_000, {"cameraman-256"}),
        ("fig5b", {"2x256", "8x256"}, 1_000, {"cameraman-256"}),
        ("omega-all-layers", {"2x256", "8x256"}, 1_000, {"cameraman-256"}),
        ("figs3", {"3x2048", "3x256"}, 0, {"cameraman-256"}),
        ("figs4", {"3x2048", "3x256"}, 0, {"cameraman-256"}),
        ("table1", {"3x512"}, 500, {f"cameraman-512-x{factor}" for factor in (2, 4, 8)}),
        ("table1-div2k", {"3x512"}, 500, {f"div2k-0050-512-x{factor}" for factor in (2, 4, 8)}),
        ("fig6", {"3x512"}, 500, {"cameraman-512-x4", "div2k-0050-512-x4"}),
        ("tables1", {f"{d}x{w}" for d in (2, 3, 5, 8) for w in (256, 512, 1024)}, 500, {"cameraman-512-x4"}),
        *((f"figs{part}", {"3x256"}, 1_000, {"div2k-0144-512-x4"}) for part in ("5", "6", "7", "8a", "8b")),
        ("figs9", {"3x512"}, 500, {f"div2k-{n}-512-x4" for n in ("0003", "0029", "0069", "0083", "0144")}),
    ],
)
def test_a_study_has_the_networks_and_steps_of_the_protocol(
    study: str, shapes: set[str], steps: int, data: set[str]
) -> None:
    trained = [spec for spec in cells(study) if not spec.is_baseline]
    assert {spec.shape for spec in trained} == shapes
    assert {spec["steps"] for spec in trained} == {steps}
    assert {spec.data for spec in cells(study)} == data
    assert {spec["replicates"] for spec in trained} == {5}
    assert {spec["seed"] for spec in trained} == {0}
    assert {spec["lr"] for spec in trained} == {1e-4}


@pytest.mark.parametrize(("study", "image"), [("table1", "cameraman"), ("table1-div2k", "div2k-0050")])
def test_table_1_has_its_six_columns_at_three_factors(study: str, image: str) -> None:
    assert names(study) == {f"sr/{image}-512-x{factor}/{column}" for factor in (2, 4, 8) for column in TABLE_1}


def test_every_number_of_the_paper_belongs_to_a_cell_of_a_study() -> None:
    """And if the study names its figures or tables, the number's own is among them."""
    found: dict[str, list[str]] = {}
    for study, specs in PAPER.cells.items():
        for spec in specs:
            found.setdefault(paper_cell(spec, {}).name, []).append(PAPER.config.studies[study].source)
    for row in paper_rows():
        sources = found.get(row["name"], [])
        place = row["source"].partition(",")[0]
        assert sources, f"no study has {row['name']}"
        assert any(place in source for source in sources) or place.startswith("the README"), (place, row["name"])
        if row["step"]:
            assert 0 < int(row["step"]) < int(parse_name(row["name"])["steps"])


def test_the_ablations_have_their_seven_laws_and_six_frequencies() -> None:
    assert {spec["first_init"] for spec in cells("fig4a")} == set(SCHEMES)
    for study in ("fig4b", "figs2"):
        assert {spec["hidden_init"] for spec in cells(study)} == set(SCHEMES)
    assert {spec["hidden_omega"] for spec in cells("figs2")} == {1}
    assert {(spec["first_omega"], spec["hidden_omega"]) for spec in cells("fig5a")} == {(w, 30) for w in OMEGAS}
    assert {(spec["first_omega"], spec["hidden_omega"]) for spec in cells("fig5b")} == {(30, w) for w in OMEGAS}
    assert {(spec["first_omega"], spec["hidden_omega"]) for spec in cells("omega-all-layers")} == {
        (w, w) for w in OMEGAS
    }


def test_figure_3_is_of_three_networks() -> None:
    shape = "poisson/starfish-256/{}-2x256{}".format
    assert names("fig3") == {shape("relu", ""), shape("siren", ""), shape("siren", "/supervision=laplacian")}


def test_both_networks_behind_the_name_siren_pe_vgg_stand_side_by_side_and_are_told_apart() -> None:
    labels = {str(label.cells["arm"]): label.text for label in PAPER.config.studies["figs8b"].labels}
    assert set(labels) == {"siren+pe+vgg", "relu+pe+vgg"} <= {spec.arm for spec in cells("figs8b")}
    assert "was run" in labels["relu+pe+vgg"]


def test_the_supplement_does_not_train_vgg_along_and_table_1_does() -> None:
    def weights(study: str) -> set[object]:
        return {spec["feature_weights"] for spec in cells(study) if spec.loss}

    assert weights("figs7") == weights("table1-as-described") == {"frozen"}
    assert weights("table1") == weights("table1-div2k") == weights("table1-combination") == {"trained"}


@pytest.mark.parametrize("study", PAPER.cells)
def test_no_study_mixes_the_protocols(study: str) -> None:
    track = PAPER.config.studies[study].track
    for loaded in (PAPER, SMOKE):
        assert {spec.track_in(track) for spec in cells(study, loaded)} == {track}


def test_what_neither_the_paper_nor_its_authors_did_is_improved() -> None:
    """Studies without a figure or table follow one of the two only where nothing but the image is another one."""
    controls = {name: study.track for name, study in PAPER.config.studies.items() if not study.source}
    as_run = {"omega-all-layers", "other-images", "fig2-new-camera", "table1-new-camera"}
    assert {name for name, track in controls.items() if track == "as-run"} == as_run
    assert {track for name, track in controls.items() if name not in as_run} == {"improved"}
    of_figures = [
        paper_cell(spec, {"image": "any", "size": 512 if spec.factor else spec.size})
        for name, study in PAPER.config.studies.items()
        if study.source and study.track == "as-run"
        for spec in cells(name)
    ]
    for name in as_run - {"omega-all-layers"}:
        for spec in cells(name):
            assert paper_cell(spec, {"image": "any", "size": 512 if spec.factor else spec.size}) in of_figures, (
                spec.name
            )


def test_a_machine_without_vgg19_and_div2k_has_arms_with_a_perceptual_loss() -> None:
    for study in ("table1-vgg16", "figs8-vgg16"):
        assert {spec["features"] for spec in cells(study) if spec.loss} == {"vgg16"}
        assert {spec.image for spec in cells(study)} == {"cameraman"}


def test_the_other_images_ship_with_scikit_image_and_are_never_enlarged() -> None:
    specs = cells("other-images")
    images = {spec.image for spec in specs}
    assert len(images) >= 12
    for spec in specs:
        asset = PAPER.asset(PAPER.asset_of(spec.image))
        assert asset.source == "package"
        status = fetch(spec.image, asset, ROOT, progress=False)
        with Image.open(str(status.path)) as picture:
            assert spec.size == min(512, 4 * (min(picture.size) // 4))


def test_every_study_explains_itself_in_a_few_sentences() -> None:
    for study in PAPER.config.studies.values():
        assert 1 <= len(re.findall(r"[.?](?= |$)", study.text)) <= 4, study.title
    assert len({study.title for study in PAPER.config.studies.values()}) == len(PAPER.config.studies)


# ---- The rehearsal ----


def test_the_rehearsal_has_every_study_with_its_words_and_arms() -> None:
    assert list(SMOKE.cells) == list(PAPER.cells)
    for name, study in PAPER.config.studies.items():
        small = SMOKE.config.studies[name]
        for key in ("title", "source", "track", "layout", "labels"):
            assert getattr(small, key) == getattr(study, key), (name, key)
        assert {spec.arm for spec in cells(name, SMOKE)} == {spec.arm for spec in cells(name)}, name
        assert small.reference, f"{name} does not say what was scaled down"
        assert small.why, name


def test_the_rehearsal_has_every_task_arm_and_option() -> None:
    def used(loaded: Loaded) -> set[tuple[str, str]]:
        parts = set()
        for spec in loaded.unique_cells.values():
            parts |= {("task", spec.task), (spec.task, spec.arm)}
            for option, value in spec.options:
                if value != option.default:
                    # Of the seven laws two will do; of all other words each is another way through the code.
                    is_word = isinstance(option, Choice) and not option.name.endswith("_init")
                    parts.add((option.name, str(value) if is_word else "another"))
        return parts

    assert used(PAPER) <= used(SMOKE)


# Studies whose cells differ in what is scaled down, so that no one reference can be right for all of them.
SEVERAL = {"figs3", "tables1", "flat-hidden-layers", "step-budget"}


@pytest.mark.parametrize("study", [name for name in SMOKE.cells if name not in SEVERAL])
def test_every_cell_of_the_rehearsal_stands_for_a_cell_of_the_same_study(study: str) -> None:
    full = {paper_cell(spec, {}).name for spec in cells(study)}
    reference = SMOKE.config.studies[study].reference
    assert {paper_cell(spec, reference).name for spec in cells(study, SMOKE)} <= full


def test_the_rehearsal_is_small() -> None:
    specs = SMOKE.unique_cells.values()
    assert len(specs) <= 110
    assert sum(spec.size for spec in specs if not spec.is_baseline) <= 64 * len(specs)
    assert all(int(spec["steps"]) * int(spec["replicates"]) <= 2 for spec in specs if spec.loss)


def test_the_rehearsal_has_real_numbers_for_every_question_that_can_be_asked_of_another_image() -> None:
    def can_be_had(spec: CellSpec) -> bool:
        where = SMOKE.asset(SMOKE.asset_of(spec.image)).source in ("package", "pypi")
        return where and (not spec.loss or spec["features"] == "vgg16")

    without = {name for name, specs in SMOKE.cells.items() if not any(map(can_be_had, specs))}
    assert without == {"image-49"}, "which asks for one of two files"


# ---- Plans in the terminal ----


def test_the_plan_counts_the_cells_of_every_study_and_those_that_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    done = tmp_path / "cells/fit/cameraman-256/siren-2x256"
    done.mkdir(parents=True)
    (done / "cell.json").touch()
    print_plan(Workflow(), ["paper"], tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"paper: {len(PAPER.unique_cells)} cells, 1 done"
    told = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    has_it = {"fig2", "figs1", "relu-learning-rates"}
    for name, specs in PAPER.cells.items():
        plural = "" if len(specs) == 1 else "s"
        assert told[name] == f"{len(specs)} cell{plural}, {int(name in has_it)} done"


def test_the_plan_of_a_study_is_one_line_and_without_a_target_it_is_that_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    print_plan(Workflow(), ["poisson-relu-laplacian", "cells"], tmp_path)
    assert capsys.readouterr().err == "paper/poisson-relu-laplacian: 1 cell, 0 done\n"
    print_plan(Workflow(), [], tmp_path)
    assert capsys.readouterr().err.startswith("demo: ")


@pytest.mark.parametrize(
    ("words", "is_dry"),
    [
        (["-n"], True),
        (["paper", "--dry-run"], True),
        (["--dryrun"], True),
        (["-np"], True),
        (["-c1", "--configfile", "config/n.yaml"], False),
        (["demo", "-p"], False),
        (["--keep-going", "--notemp"], False),
    ],
)
def test_a_dry_run_is_told_from_a_real_one(words: list[str], is_dry: bool) -> None:
    assert is_dry_run(words) is is_dry


def test_fetching_ahead_brings_the_weights_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    Image.new("L", (16, 16)).save(tmp_path / "image.png")
    (tmp_path / "weights.pth").touch()
    (tmp_path / "own.yaml").write_text(
        "assets: {generator: {source: path, path: weights.pth, licence: none}}\n"
        "images: {mine: {path: image.png}}\n"
        "studies: {s: {title: S, grid: {task: sr, image: mine, size: 8, factor: 2, arm: external, weights: generator}}}"
    )
    cli.main(["fetch", "--configfile", str(tmp_path / "own.yaml")])
    told = capsys.readouterr().out.splitlines()
    assert told == [f"mine.file: {tmp_path / 'image.png'}", f"generator: {tmp_path / 'weights.pth'}"]


# ---- DIV2K ----


def test_the_paper_counts_the_files_of_div2k_from_0() -> None:
    """Its image n is the n-th of the sorted files 0001.png, 0002.png ..., counted from 0 (protocol.md, images)."""
    files = sorted(f"{number:04}.png" for number in range(1, 801))
    for image, index in {
        "div2k-0003": 2, "div2k-0029": 28, "div2k-0050": 49, "div2k-0069": 68, "div2k-0083": 82, "div2k-0110": 109,
        "div2k-0144": 143, "div2k-0160": 159,
    }.items():  # fmt: skip
        recipe = PAPER.recipe(image)
        assert recipe.crop == "topleft"
        assert recipe.title == f"DIV2K {index}"
        assert PAPER.asset(str(recipe.asset)).member == f"DIV2K_train_HR/{files[index]}"  # type: ignore[union-attr]
    comments = re.findall(r"^  div2k-(\d{4}):  # the paper's (\d+)", ASSETS.read_text(), re.M)
    assert len(comments) == sum(name.startswith("div2k-") for name in PAPER.config.assets)
    assert all(int(file) == int(image) + 1 for file, image in comments)


def div2k_like(number: int) -> np.ndarray:
    """A made-up picture, (30, 44, 3), that tells its number and where its left is."""
    pixels = np.zeros((30, 44, 3), np.uint8)
    pixels[..., 0] = 3 * number
    pixels[..., 1] = np.arange(44) * 5
    pixels[..., 2] = np.arange(30)[:, None] * 7
    return pixels


def target_of(number: int, side: int) -> str:
    """SHA-256 of the target that the top-left square of that picture makes, by PIL alone."""
    square = Image.fromarray(div2k_like(number)).convert("L").crop((0, 0, 30, 30))
    pixels = np.asarray(square.resize((side, side), Image.Resampling.BILINEAR))
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def made_of(loaded: Loaded, spec: CellSpec, folder: Path) -> str:
    """SHA-256 of the target that a cell of a configuration is run on."""
    asset = loaded.asset_of(spec.image)
    status = folder / f"{asset}.json"
    write_status(status, fetch(asset, loaded.asset(asset), folder / "cache", progress=False))
    record = run(CellJob(spec, loaded.recipe(spec.image).crop, status, folder / "results"), baseline)
    assert record.state == "ok", record.reason
    assert record.image is not None
    return record.image.pixels_sha256


def test_a_local_copy_of_the_archive_serves_the_studies(tmp_path: Path) -> None:
    Image.fromarray(div2k_like(50)).save(tmp_path / "0050.png")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.write(tmp_path / "0050.png", "DIV2K_train_HR/0050.png")
    entry = read_yaml(ASSETS)["assets"]["div2k-0050"] | {"url": "mine.zip"}
    (tmp_path / "own.yaml").write_text(f"assets: {{div2k-0050: {entry}}}".replace("'", '"'))
    loaded = load([ASSETS, ROOT / "config/smoke.yaml", tmp_path / "own.yaml"])
    spec = make_spec({"task": "sr", "image": "div2k-0050", "size": 24, "factor": 2, "arm": "bicubic"})
    assert made_of(loaded, spec, tmp_path) == target_of(50, 24)


def test_a_folder_like_div2ks_is_a_data_set_and_its_50th_file_is_the_papers_image_49(tmp_path: Path) -> None:
    folder = tmp_path / "DIV2K_train_HR"
    folder.mkdir()
    for number in range(1, 61):
        Image.fromarray(div2k_like(number)).save(folder / f"{number:04}.png")
    (tmp_path / "own.yaml").write_text(
        "images: {train: {folder: DIV2K_train_HR, crop: topleft}}\n"
        "studies: {mine: {title: M, grid: {task: sr, image: train-0050, size: 24, factor: 2, arm: bicubic}}}"
    )
    loaded = load([ASSETS, tmp_path / "own.yaml"])
    images = [image for image in loaded.config.images if image.startswith("train-")]
    assert len(images) == 60
    assert images[49] == "train-0050"
    assert made_of(loaded, cells("mine", loaded)[0], tmp_path) == target_of(50, 24)
