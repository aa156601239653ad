"""Whether pictures are the paper's: by the SHA-256 of their pixels, and what follows for the comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_fixtures import Made, Page, Run, write_cell

from sirenbench.assets.status import read_status
from sirenbench.config import load
from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.images.pictures import open_picture, pixels_sha256, prepare, resize
from sirenbench.names import make_spec
from sirenbench.paper_pixels import anchors
from sirenbench.records import RECORD, folder_of, write_record
from sirenbench.report.cells import read_cells
from sirenbench.report.pixels import Comparability, comparability_of
from sirenbench.report.tables import arms_table

ROOT = Path(__file__).parents[2]
STARFISH = ROOT.parent / "shared/data/bsds500/12003.jpg"
BICUBIC = {"task": "sr", "image": "cameraman", "size": 512, "factor": 8, "arm": "bicubic"}
FIT = {"task": "fit", "image": "cameraman", "size": 256, "arm": "siren", "depth": 2, "width": 256}
CAMERAMAN = {side: anchors()["cameraman", side].sha256 for side in (512, 256, 128, 64)}
DIV2K = BICUBIC | {"image": "div2k-0050"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    images = {"cameraman": ImageRecipe(asset="cameraman", title="Cameraman")}
    study = Study(title="Study", source="Table 1", layout="table", grid=[])
    return Run(tmp_path, Config(run="small", images=images, studies={"study": study}), {"study": []})


def add(run: Run, fields: dict, pixels: str, low: str | None = None, psnr: float = 22.874624, seeds: int = 1) -> None:
    trained = {"replicates": seeds, "steps": 60} if "depth" in fields else {}
    spec = make_spec(fields | trained)
    run.cells["study"].append(spec)
    record = write_cell(run.results, spec, Made(psnr, 0.703157))
    assert record
    assert record.image
    image = record.image.model_copy(update={"pixels_sha256": pixels, "lr_pixels_sha256": low})
    write_record(folder_of(run.results, spec.name) / RECORD, record.model_copy(update={"image": image}))


def told(run: Run) -> Comparability:
    found = comparability_of(read_cells(run.collect()), {"cameraman": "Cameraman"})
    assert found
    return found


# The anchors


def test_the_cameraman_is_prepared_to_the_pixels_that_are_known(cameraman: Path) -> None:
    prepared = prepare(open_picture(Path(str(read_status(cameraman).path))), crop="none", channel="grey")
    assert {side: pixels_sha256(resize(prepared, side, "pil-bilinear")) for side in CAMERAMAN} == CAMERAMAN


@pytest.mark.skipif(not STARFISH.exists(), reason="the Starfish is not here")
@pytest.mark.parametrize(("image", "crop"), [("starfish", "topleft"), ("starfish-center", "center")])
def test_the_starfish_is_prepared_to_the_pixels_that_are_known(image: str, crop: str) -> None:
    prepared = prepare(open_picture(STARFISH), crop=crop, channel="grey")
    assert pixels_sha256(resize(prepared, 256, "pil-bilinear")) == anchors()[image, 256].sha256


def test_the_anchors_are_of_images_that_the_configuration_knows() -> None:
    config = load([ROOT / "config/assets.yaml", ROOT / "config/paper.yaml"]).config
    assert {image for image, _ in anchors()} <= set(config.images)
    assert str(config.assets["cameraman"].pixels_sha256) == CAMERAMAN[512]


# What is said


def test_the_papers_pixels_may_be_compared(run: Run) -> None:
    add(run, BICUBIC, CAMERAMAN[512], CAMERAMAN[64])
    found = told(run)
    assert [(one.title, one.verdict) for one in found.pictures] == [("Cameraman 512², 64²", "same")]
    assert (found.verdict, found.comparable, found.standing) == ("same", 1, 1)
    page = Page(run.render())
    assert "The pictures are the paper’s, pixel by pixel." in page.words
    assert "1 of 1 cell that stands for one of the paper may be compared with its numbers." in page.words


@pytest.mark.parametrize("low", [False, True], ids=["large", "small"])
def test_a_picture_with_other_pixels_is_told_and_its_differences_are_not_judged(run: Run, low: bool) -> None:
    add(run, BICUBIC, CAMERAMAN[512] if low else "0" * 64, "0" * 64 if low else CAMERAMAN[64])
    found = told(run)
    assert ("Cameraman 64²" if low else "Cameraman 512²", "other") in [
        (one.title, one.verdict) for one in found.pictures
    ]
    assert (found.verdict, found.comparable, found.standing) == ("other", 0, 1)
    entry = arms_table(read_cells(run.collect()), {}, "Table 1").blocks[0].entries[0]
    assert entry
    against = entry.scores["psnr"].against
    assert (against.paper, against.verdict, against.delta) == ("22.875", "other pixels", "")
    assert "Pictures that the paper has too have other pixels here." in Page(run.render()).words


def test_the_papers_pixels_are_known_under_any_name(run: Run) -> None:
    add(run, FIT | {"image": "my-picture"}, CAMERAMAN[256])
    assert [(one.title, one.verdict) for one in told(run).pictures] == [("my-picture 256²", "same")]


def test_a_size_that_the_paper_has_not_is_no_other_picture(run: Run) -> None:
    add(run, FIT | {"size": 100}, "0" * 64)
    add(run, FIT | {"channel": "rgb"}, "1" * 64)
    assert [(one.title, one.verdict) for one in told(run).pictures] == [("Cameraman 256², 100²", "elsewhere")]


def test_a_picture_that_the_paper_has_not_is_none_of_its(run: Run) -> None:
    add(run, FIT | {"image": "astronaut"}, "0" * 64)
    found = told(run)
    assert [one.verdict for one in found.pictures] == ["foreign"]
    assert found.standing == 0
    assert "No cell stands for one of the paper." in Page(run.render()).words


def test_what_srgan_gets_is_not_held_against_what_all_others_get(run: Run) -> None:
    add(run, BICUBIC | {"arm": "srgan"}, CAMERAMAN[512], "0" * 64)
    assert [one.verdict for one in told(run).pictures] == ["same"]


@pytest.mark.parametrize(("psnr", "verdict"), [(21.743741, "same"), (21.7431, "other")])
def test_where_no_pixels_are_known_the_bicubic_score_tells(run: Run, psnr: float, verdict: str) -> None:
    add(run, DIV2K | {"arm": "siren", "depth": 3, "width": 512}, "0" * 64)
    assert [one.verdict for one in told(run).pictures] == ["unknown"]
    add(run, DIV2K, "0" * 64, psnr=psnr)
    found = told(run)
    assert [one.verdict for one in found.pictures] == [verdict]
    assert found.comparable == (1 if verdict == "same" else 0), "the network has 60 steps"
    assert judged(run)[-1] == ("agrees" if verdict == "same" else "other pixels")


def judged(run: Run) -> list[str]:
    """What the table says of each cell's PSNR against the paper's."""
    (block,) = arms_table(read_cells(run.collect()), {}, "Table 1").blocks
    return [entry.scores["psnr"].against.verdict for entry in block.entries if entry]


def test_without_known_pixels_nothing_is_judged_or_called_comparable(run: Run) -> None:
    siren = make_spec(DIV2K | {"arm": "siren", "depth": 3, "width": 512, "replicates": 2})
    run.cells["study"].append(siren)
    write_cell(run.results, siren, Made(21.7))
    found = told(run)
    assert (found.standing, found.comparable, found.unknown) == (1, 0, 1)
    assert judged(run) == ["pixels not known"]
    assert "0 of 1 cell that stands for one of the paper may be compared with its numbers; of 1 it is not known" in (
        Page(run.render()).words
    )


def test_without_any_picture_there_is_no_banner(run: Run) -> None:
    run.cells["study"].append(make_spec(BICUBIC))
    assert comparability_of(read_cells(run.collect()), {}) is None
    assert "pixel by pixel" not in Page(run.render()).words
