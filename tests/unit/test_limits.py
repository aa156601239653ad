"""Time limits of cells on a cluster, from what finished ones took there."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.finished_cells import recorded

from sirenbench.limits import Limits
from sirenbench.names import changed, parse_name
from sirenbench.records import RECORD, folder_of

LONG = "fit/cameraman-256/siren-3x256/steps=1000/replicates=1"
LONGER = "fit/cameraman-256/siren-3x256/steps=2000/replicates=1"


def on_slurm(results: Path, name: str, seconds: float, *, job: str | None = "7_1", resumed: int = 0) -> None:
    """A record of a cell that took so long in all."""
    recorded(results, name, seconds=seconds, overhead=0, slurm_job=job, resumed=resumed)


def minutes(results: Path, name: str, attempt: int = 1) -> int:
    return Limits(results, longest=120).minutes(parse_name(name), attempt)


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    assert minutes(tmp_path, LONG) == 120
    assert minutes(tmp_path, LONG, attempt=2) == 120  # a partition may have no more; it goes on from its checkpoint


def test_twice_what_it_took_and_five_minutes(tmp_path: Path) -> None:
    on_slurm(tmp_path, LONG, 600)
    assert minutes(tmp_path, LONG) == 2 * 10 + 5
    assert minutes(tmp_path, LONG, attempt=2) == 2 * 25
    assert minutes(tmp_path, LONGER) in {2 * 20 + 4, 2 * 20 + 5}  # what is done once is not doubled


def test_never_more_than_the_configuration_allows(tmp_path: Path) -> None:
    on_slurm(tmp_path, LONG, 10_000)
    assert minutes(tmp_path, LONG) == 120
    on_slurm(tmp_path, LONG, 2000)
    assert minutes(tmp_path, LONG) == 72
    assert minutes(tmp_path, LONG, attempt=2) == 120


def test_the_slowest_node_counts(tmp_path: Path) -> None:
    on_slurm(tmp_path, LONG, 600)
    on_slurm(tmp_path, changed(parse_name(LONG), seed=9).name, 1200)
    assert minutes(tmp_path, LONG) == 2 * 20 + 5


@pytest.mark.parametrize("record", [{"job": None}, {"resumed": 1}])
def test_a_laptop_and_a_cell_with_breaks_tell_nothing(tmp_path: Path, record: dict[str, object]) -> None:
    on_slurm(tmp_path, LONG, 60, **record)  # type: ignore[arg-type]
    assert minutes(tmp_path, LONG) == 120


def test_another_kind_of_network_tells_nothing(tmp_path: Path) -> None:
    on_slurm(tmp_path, LONG, 60)
    assert minutes(tmp_path, LONG.replace("siren", "relu")) == 120
    assert minutes(tmp_path, LONG.replace("3x256", "3x512")) == 120


def test_a_damaged_record_tells_nothing(tmp_path: Path) -> None:
    on_slurm(tmp_path, LONG, 60)
    (folder_of(tmp_path, LONG) / RECORD).write_text("{")
    assert minutes(tmp_path, LONG) == 120
