"""The sign of life of a training cell, and the tally and lines that are made of it."""

from __future__ import annotations

import io
import json
import logging
import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from sirenbench import progress
from sirenbench.progress import Beat, Heartbeat, read_heartbeat
from sirenbench.records import FAILURE, PROGRESS, RECORD, CellRecord, write_record
from snakemake_logger_plugin_sirenbench import LogHandler
from snakemake_logger_plugin_sirenbench.screens import Lines, told
from snakemake_logger_plugin_sirenbench.tally import Tally, clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that a test moves by hand: ``now.seconds``."""
    hand = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: hand.seconds)
    return hand


def test_a_beat_tells_step_psnr_and_the_time_left_at_the_last_speed(tmp_path: Path, now: SimpleNamespace) -> None:
    heart = Heartbeat(tmp_path / "fit" / "cell", "fit/cell", 1000)
    heart.beat(0, lambda: None)
    first = read_heartbeat(tmp_path / "fit" / "cell")
    now.seconds += 2
    heart.beat(10, lambda: 20.0)
    now.seconds += 2
    heart.beat(110, lambda: 31.25)
    last = read_heartbeat(tmp_path / "fit" / "cell")
    assert first is not None
    assert last is not None
    assert (first.step, first.psnr, first.seconds_left) == (0, None, None)
    assert (last.name, last.step, last.steps, last.psnr) == ("fit/cell", 110, 1000, 31.25)
    assert last.seconds_left == pytest.approx(890 * 2 / 100)
    assert abs(last.updated - time.time()) < 60


def test_between_two_beats_lies_a_second_in_which_the_psnr_is_not_asked_for(
    tmp_path: Path, now: SimpleNamespace
) -> None:
    heart, asked = Heartbeat(tmp_path, "cell", 100), []
    for step in range(31):
        heart.beat(step, lambda step=step: asked.append(step))  # type: ignore[misc]
        now.seconds += 0.1
    assert asked == [0, 10, 20, 30]


@pytest.mark.parametrize("psnr", [None, math.nan, math.inf])
def test_an_undefined_psnr_is_told_as_none(psnr: float | None, tmp_path: Path) -> None:
    Heartbeat(tmp_path, "cell", 10).beat(1, lambda: psnr)
    assert json.loads((tmp_path / PROGRESS).read_text())["psnr"] is None


def test_a_resumed_cell_starts_to_count_where_it_stopped(tmp_path: Path, now: SimpleNamespace) -> None:
    heart = Heartbeat(tmp_path, "cell", 1000)
    heart.beat(500, lambda: None)
    now.seconds += 1
    heart.beat(600, lambda: None)
    beat = read_heartbeat(tmp_path)
    assert beat is not None
    assert beat.seconds_left == pytest.approx(4)


def test_the_sign_of_life_goes_when_the_cell_ends(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path, "cell", 10)
    heart.beat(1, lambda: 1.0)
    heart.close()
    heart.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_does_not_stop_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Heartbeat(tmp_path / "file" / "cell", "cell", 10).beat(1, lambda: 1.0)
    assert read_heartbeat(tmp_path / "file" / "cell") is None


@pytest.mark.parametrize("text", ["", "{", '{"name": "cell", "step": 1', "[]", '{"name": "cell"}', "\x00\xff"])
def test_a_damaged_or_half_written_beat_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text(text)
    assert read_heartbeat(tmp_path) is None


def _beat(**changes: Any) -> Beat:
    facts = {"name": "cell", "step": 412, "steps": 1000, "psnr": 31.239, "seconds_left": 70.4, "updated": time.time()}
    return Beat(**(facts | changes))


def test_a_beat_is_stale_after_a_minute() -> None:
    assert not _beat(updated=time.time() - 50).is_stale
    assert _beat(updated=time.time() - 70).is_stale


def test_beats_in_words() -> None:
    assert told(_beat()) == ("step 412/1000", "31.24 dB", "1:10 left")
    assert told(_beat(psnr=None, seconds_left=None)) == ("step 412/1000", "", "")
    assert told(_beat(updated=0.0))[2] == "no sign of life"
    assert told(None) == ("no step yet", "", "")
    assert [clock(seconds) for seconds in (0.4, 65, 3725)] == ["0:00", "1:05", "1:02:05"]


def _record(state: str, reason: str = "") -> CellRecord:
    return CellRecord(name="cell", spec={}, track="as-run", state=state, reason=reason)  # type: ignore[arg-type]


def _start(tally: Tally, job: int, folder: Path) -> None:
    tally.start(job, [str(folder / RECORD), str(folder / "curves.parquet")], [str(folder / "log.txt")])


def test_the_tally_counts_cells_by_how_they_ended(tmp_path: Path) -> None:
    tally = Tally()
    tally.plan({"asset": 1, "train": 6, "baseline": 2, "total": 9})
    for job, name in enumerate(["ok", "diverged", "not-testable", "failed", "broken", "damaged", "running"]):
        _start(tally, job, tmp_path / "cells" / "fit" / name)
    write_record(tmp_path / "cells/fit/ok" / RECORD, _record("ok"))
    write_record(tmp_path / "cells/fit/diverged" / RECORD, _record("diverged", "loss is not finite\nsince step 3"))
    write_record(tmp_path / "cells/fit/not-testable" / RECORD, _record("not-testable", "no asset"))
    write_record(tmp_path / "cells/fit/failed" / FAILURE, _record("failed", "out of memory\nat step 7"))
    (tmp_path / "cells/fit/damaged").mkdir()
    (tmp_path / "cells/fit/damaged" / RECORD).write_text("{}")
    ends = [tally.finish(0), tally.finish(1), tally.finish(2), tally.fail(3), tally.fail(4), tally.finish(5)]
    assert [(end.cell.name, end.state, end.reason) for end in ends] == [
        ("fit/ok", "ok", ""),
        ("fit/diverged", "diverged", "loss is not finite"),
        ("fit/not-testable", "not-testable", "no asset"),
        ("fit/failed", "failed", "out of memory"),
        ("fit/broken", "failed", ""),
        ("fit/damaged", "ok", ""),
    ]
    assert tally.counts() == "2 done, 1 diverged, 1 not testable, 1 running, 2 failed, 1 left"


def test_a_cell_that_is_tried_again_is_no_longer_failed(tmp_path: Path) -> None:
    tally = Tally(planned=1)
    _start(tally, 7, tmp_path)
    tally.fail(7)
    _start(tally, 7, tmp_path)
    assert tally.counts() == "0 done, 1 running, 0 failed"
    tally.finish(7)
    assert tally.counts() == "1 done, 0 failed"


def test_a_log_gets_a_summary_with_the_running_cells_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lines, "interval", 0.2)
    tally, stream = Tally(planned=3), io.StringIO()
    for job, name in enumerate(["a", "b"]):
        _start(tally, job, tmp_path / "cells" / "fit" / name)
    Heartbeat(tmp_path / "cells" / "fit" / "b", "fit/b", 1000).beat(412, lambda: 31.239)
    lines = Lines(tally, stream)
    lines.show()
    lines.show()
    time.sleep(0.5)
    lines.hide()
    told_so_far = stream.getvalue()
    time.sleep(0.3)
    summary = "cells: 0 done, 2 running, 0 failed, 1 left after 0:0"
    assert 1 <= told_so_far.count(summary) <= 2
    assert "; fit/b step 412/1000 31.24 dB\n" in told_so_far
    assert stream.getvalue() == told_so_far


TRAIN = {"rule_name": "train", "output": ["results/cells/fit/a/cell.json"], "log": ["a.log"], "rule_msg": "train a"}


def _handler() -> LogHandler:
    plain = {"printshellcmds": False, "nocolor": True, "quiet": None, "debug_dag": False, "verbose": False}
    return LogHandler(SimpleNamespace(**plain, show_failed_logs=False, stdout=False, dryrun=False), None)  # type: ignore[arg-type]


def _event(event: LogEvent | None, message: str, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("snakemake", level, __file__, 1, message, None, None)
    record.__dict__.update(fields, **({"event": event} if event else {}))
    return record


def test_an_event_of_an_unknown_shape_ends_the_display_and_not_the_run(capsys: pytest.CaptureFixture) -> None:
    handler = _handler()
    handler.handle(_event(LogEvent.JOB_FINISHED, "Finished jobid: 3"))  # lacks its job_id
    handler.handle(_event(None, "Trying to go on"))
    handler.close()
    assert capsys.readouterr().err.endswith("Trying to go on\n")


class _Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_went_away_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", _Gone())
    handler = _handler()
    handler.handle(_event(LogEvent.RUN_INFO, "Job stats", stats={"train": 1}))
    handler.handle(_event(LogEvent.JOB_INFO, "rule train", jobid=1, **TRAIN))
    handler.handle(_event(None, "anybody there?", logging.WARNING))
    handler.handle(_event(LogEvent.JOB_FINISHED, "Finished jobid: 1", job_id=1))
    handler.close()


def test_jobs_that_still_run_when_snakemake_stops_are_interrupted(capsys: pytest.CaptureFixture) -> None:
    handler = _handler()
    handler.handle(_event(LogEvent.RUN_INFO, "Job stats", stats={"train": 2, "total": 2}))
    handler.handle(_event(LogEvent.JOB_INFO, "rule train", jobid=1, **TRAIN))
    handler.close()
    assert capsys.readouterr().err == "cells: 0 done, 1 interrupted, 0 failed, 1 left in 0:00\n"
