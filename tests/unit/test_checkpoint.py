"""Checkpoints under attack: a cell goes on from one that is whole, and ends with the same bits."""

from __future__ import annotations

import logging
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from sirenbench.engine import checkpoint
from sirenbench.names import parse_name
from sirenbench.records import CellRecord
from sirenbench.worker.job import CellJob, run
from sirenbench.worker.train import train

IDENTITY = {"cell": "fit/picture-16/siren-1x8", "numerics": "engine2"}
OLD, NEW = ({"step": torch.tensor(step), "parameters": torch.full((2, 3), float(step))} for step in (1, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where two checkpoints were written, one after the other."""
    path = tmp_path / "checkpoints/fit/steps=5.safetensors"
    checkpoint.save(path, OLD, IDENTITY)
    checkpoint.save(path, NEW, IDENTITY)
    return path


def is_state(found: dict[str, torch.Tensor] | None, expected: dict[str, torch.Tensor]) -> bool:
    return found is not None and found.keys() == expected.keys() and all(found[k].equal(expected[k]) for k in expected)


def test_the_last_two_are_kept_and_removed_together(path: Path) -> None:
    assert is_state(checkpoint.load(path, IDENTITY), NEW)
    path.unlink()
    assert checkpoint.exists(path)
    assert is_state(checkpoint.load(path, IDENTITY), OLD)
    checkpoint.save(path, NEW, IDENTITY)
    path.with_name(f".{path.name}.half-written").write_bytes(b"left by a killed process")
    checkpoint.remove(path)
    assert list(path.parent.iterdir()) == []
    assert not checkpoint.exists(path)
    assert checkpoint.load(path, IDENTITY) is None


def test_a_flip_of_any_byte_is_noticed_or_changes_nothing(path: Path) -> None:
    whole, older = path.read_bytes(), checkpoint.previous(path).read_bytes()
    noticed = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        checkpoint.previous(path).write_bytes(older)
        found = checkpoint.load(path, IDENTITY)
        is_noticed = checkpoint.aside(path).exists()
        noticed += is_noticed
        assert is_state(found, OLD if is_noticed else NEW), position
        checkpoint.aside(path).unlink(missing_ok=True)
    assert noticed > 0.9 * len(whole)  # not: a space of the header that is another white space now


def test_a_file_cut_off_anywhere_is_set_aside_for_the_one_before_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, older = path.read_bytes(), checkpoint.previous(path).read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        checkpoint.previous(path).write_bytes(older)
        assert is_state(checkpoint.load(path, IDENTITY), OLD), length
        assert checkpoint.aside(path).read_bytes() == whole[:length]
    assert f"{path} cannot be used" in caplog.text
    assert f"it is kept as {path.name}.damaged" in caplog.text


def test_two_damaged_ones_are_as_good_as_none(path: Path) -> None:
    for one in (path, checkpoint.previous(path)):
        one.write_bytes(one.read_bytes()[:-1])
    assert checkpoint.load(path, IDENTITY) is None
    assert not checkpoint.exists(path)


def test_one_of_another_cell_or_version_is_not_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint.save(path, NEW, IDENTITY | {"numerics": "engine3"})  # the one before it is of this version
    assert is_state(checkpoint.load(path, IDENTITY), NEW)
    assert "it belongs to another version of this cell (numerics)" in caplog.text
    assert checkpoint.load(path, IDENTITY | {"cell": "another"}) is None


def test_one_without_a_digest_is_not_used(path: Path) -> None:
    safetensors.torch.save_file(NEW, path, IDENTITY)
    assert is_state(checkpoint.load(path, IDENTITY), OLD)


def test_a_full_disk_costs_the_new_one_only(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = {"parameters": torch.zeros(10_000)}
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="cannot be written"):
            checkpoint.save(path, large, IDENTITY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert is_state(checkpoint.load(path, IDENTITY), NEW)
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.previous"]


def dying_at(moment: str) -> Callable[[], None]:
    """Let this process die, as by ``kill -9``, at a moment of the next save."""

    def die(*words: object) -> None:
        os._exit(9)

    def half_written(tensors: object, file: Path, metadata: object) -> None:
        file.write_bytes(b"\x40\0\0\0\0\0\0\0{")
        die()

    save_file, replace = safetensors.torch.save_file, Path.replace
    moments = ("before its first rename", "before the old one is renamed", "before it takes the name")
    renames = iter(range(3))

    def install() -> None:
        if moment == "before it is written":
            safetensors.torch.save_file = die
        elif moment == "half-written":
            safetensors.torch.save_file = half_written
        elif moment == "written":
            safetensors.torch.save_file = lambda *words: (save_file(*words), die())
        else:
            number = moments.index(moment)
            Path.replace = lambda self, to: die() if next(renames) == number else replace(self, to)  # type: ignore

    return install


@pytest.mark.parametrize(
    "moment",
    [
        *("before it is written", "half-written", "written"),
        *("before its first rename", "before the old one is renamed", "before it takes the name"),
    ],
)
def test_a_kill_at_any_moment_of_a_save_leaves_a_whole_one(path: Path, moment: str) -> None:
    child = os.fork()
    if child == 0:
        dying_at(moment)()
        checkpoint.save(path, {key: value + 1 for key, value in NEW.items()}, IDENTITY)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert is_state(checkpoint.load(path, IDENTITY), NEW)
    assert not checkpoint.aside(path).exists()
    checkpoint.save(path, OLD, IDENTITY)  # and it can be written again
    assert is_state(checkpoint.load(path, IDENTITY), OLD)
    checkpoint.remove(path)
    assert list(path.parent.iterdir()) == []


def numbers(record: CellRecord) -> list[object]:
    """What a cell measured, without its times, and the digests of what it wrote."""
    ends = [
        (score.last, score.best, score.best_step, score.tail, score.drawdown, replicate.final)
        for replicate in record.replicates
        for score in replicate.metrics.values()
    ]
    return [ends, record.files["weights.safetensors"], record.files["images.npz"]]


@pytest.mark.slow
def test_a_cell_killed_again_and_again_ends_with_the_same_bits(
    picture_status: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Some thirty times at random moments, most of them while it writes: it checkpoints after every step."""
    spec, moments = parse_name("fit/picture-16/siren-1x8/steps=1500/replicates=2"), random.Random(5)
    whole = run(CellJob(spec, "none", picture_status, tmp_path / "whole"), train)
    job = CellJob(spec, "none", picture_status, tmp_path / "killed", checkpoint_minutes=1e-9)
    path = checkpoint.path_of(job.results, spec.name)
    for _ in range(30):
        child = os.fork()
        if child == 0:
            run(job, train)
            os._exit(0)
        time.sleep(moments.uniform(0.03, 0.15))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert not checkpoint.aside(path).exists()
    record = run(job, train)
    assert record.provenance is not None
    assert record.provenance.resumed > 10
    assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert numbers(record) == numbers(whole)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("harm", ["flipped", "cut off", "gone", "all gone"])
def test_a_cell_whose_checkpoint_was_harmed_ends_with_the_same_bits(
    harm: str, picture_status: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sirenbench.worker import train as training

    spec = parse_name("fit/picture-16/siren-1x8/steps=40/replicates=2")
    whole = run(CellJob(spec, "none", picture_status, tmp_path / "whole"), train)
    job = CellJob(spec, "none", picture_status, tmp_path / "harmed", checkpoint_minutes=1e-9)
    with monkeypatch.context() as patch:
        patch.setattr(training, "write_images", lambda *words: (_ for _ in ()).throw(MemoryError("no room")))
        with pytest.raises(MemoryError):
            run(job, train)
    path = checkpoint.path_of(job.results, spec.name)
    content = bytearray(path.read_bytes())
    content[-100] ^= 4
    if harm == "flipped":
        path.write_bytes(content)
    elif harm == "cut off":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.unlink()
        if harm == "all gone":
            checkpoint.previous(path).unlink()
    record = run(job, train)
    assert record.provenance is not None
    assert record.provenance.resumed == (0 if harm == "all gone" else 1)
    assert numbers(record) == numbers(whole)
    assert checkpoint.aside(path).exists() == (harm in ("flipped", "cut off"))
