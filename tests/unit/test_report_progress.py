"""A terminal is told how many of the figures are drawn; a log is not filled with it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from report_fixtures import Run, pictures_run

RENDER = """
import sys
from pathlib import Path
from sirenbench.report.build import render
render(*map(Path, sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = pictures_run(tmp_path_factory.mktemp("progress"), 16)
    run.collect()
    return run


def command(run: Run) -> list[str]:
    return [sys.executable, "-c", RENDER, str(run.folder), str(run.results)]


def test_a_terminal_sees_which_of_how_many_figures_is_drawn(run: Run) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = subprocess.Popen(command(run), stderr=slave)
    os.close(slave)
    seen = b""
    try:
        while chunk := os.read(master, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    assert process.wait() == 0
    assert b"figures" in seen
    assert b"0/5" in seen
    assert Path(run.folder / "report.html").exists()


def test_a_log_is_not_filled_with_it(run: Run) -> None:
    done = subprocess.run(command(run), check=True, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
