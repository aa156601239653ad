"""A few of the moments of ``trust.kills``, and that its harness sees what is lost, wrong and left."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from workflow.conftest import Project

from trust.kills import CELLS, Cache, Forked, Moment, PartialReport, Report, Scene, cells, finished, whole_scenes
from trust.trap import Trap


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return finished(tmp_path_factory.mktemp("finished"))


def assert_nothing_is_lost_or_wrong(scene: Scene, moments: int) -> list[str]:
    """Kill at so many moments; tells what was left."""
    endings = [scene.try_at(moment) for moment in scene.moments(moments, random.Random(7))]
    assert len(endings) == moments
    assert [(str(ending.moment), ending.lost, ending.wrong) for ending in endings if ending.lost or ending.wrong] == []
    return [name for ending in endings for name in ending.left]


class Careless(Forked):
    """Writes a file straight under its name, and takes it for done when it is there."""

    kind = "careless"
    points: Mapping[str, int] = {"*/second": 1}

    def prepare(self, folder: Path) -> None:
        pass

    def finish(self, folder: Path) -> None:
        if (folder / "first").exists():
            return
        with (folder / "first").open("w") as file:
            file.write("half")
            file.flush()
            (folder / ".temporary").touch()
            (folder / ".temporary").replace(folder / "second")
            file.write(" and half")

    def found(self, folder: Path) -> dict[str, str]:
        return {path.name: path.read_text() for path in folder.glob("[a-z]*") if path.is_file()}


def test_the_harness_sees_what_is_lost_wrong_and_left() -> None:
    before, after = (Careless().try_at(Moment(trap=Trap("*/second", is_after))) for is_after in (False, True))
    assert (before.lost, before.wrong, before.left) == (["second"], ["first"], [".temporary"])
    assert (after.lost, after.wrong, after.left) == ([], ["first"], [])


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS[2:])
def test_a_cell_killed_anywhere_ends_with_the_same_bits_and_leaves_nothing(name: str, done: Project) -> None:
    (scene,) = cells(done, [name])
    assert assert_nothing_is_lost_or_wrong(scene, 4) == []


def test_a_fetch_killed_anywhere_leaves_a_whole_file_or_none() -> None:
    left = assert_nothing_is_lost_or_wrong(Cache(), 2)
    assert not [name for name in left if name.startswith("cache/files")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Report, PartialReport])
def test_a_report_killed_anywhere_is_made_again(kind: type[Report], done: Project) -> None:
    assert_nothing_is_lost_or_wrong(kind(done), 1)


@pytest.mark.slow
def test_a_run_goes_on_when_its_packed_workers_are_killed() -> None:
    scene = next(scene for scene in whole_scenes("packed worker"))
    assert assert_nothing_is_lost_or_wrong(scene, 1) == []
