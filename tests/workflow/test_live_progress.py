"""What a person sees of a run: on a terminal, in a log, and when things go wrong."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

import pytest

from sirenbench.records import CellRecord, write_record

SNAKEMAKE = Path(sys.executable).with_name("snakemake")
GOOD = ["fit/cam-8/siren-1x8", "fit/cam-8/siren-1x8/steps=3"]
BAD = "fit/cam-8/bad-1x8"

SNAKEFILE = f"""
GOOD = {GOOD}

onstart:
    print("the run begins")

onsuccess:
    print("the report is in results/demo/report.html")

rule all:
    input: "results/demo/report.html"

rule asset:
    output: "results/assets/cam.json"
    message: "fetch cam"
    shell: "echo a warning of the download >&2; touch {{output}}"

rule train:
    input: "results/assets/cam.json"
    output: "results/cells/{{name}}/cell.json"
    log: "results/logs/{{name}}.log"
    message: "train {{wildcards.name}}"
    shell: "sh train.sh {{wildcards.name}} {{output}} 2> {{log}}"

rule report:
    input: expand("results/cells/{{name}}/cell.json", name=GOOD)
    output: "results/demo/report.html"
    log: "results/logs/report.log"
    message: "render {{output}}"
    shell: "touch {{output}}"
"""

TRAIN = """
folder=results/cells/$1
case $1 in
*bad*)
    cp failure.json $folder
    exit 1;;
esac
echo '{"name": "'$1'", "step": 412, "steps": 1000, "psnr": 31.239, "seconds_left": 70, "updated": '$(date +%s)'}' \\
    > $folder/progress.json
if [ -e together ]; then  # nobody ends before both have been seen running
    touch started-$$
    while [ $(ls started-* | wc -l) -lt 2 ]; do sleep 0.1; done
    sleep 3
fi
sleep 1.3
rm $folder/progress.json
cp record.json $2
"""


LOUD = f"""
ruleorder: loud > train
rule loud:
    input: "results/assets/cam.json"
    output: "results/cells/{GOOD[0]}/cell.json"
    shell: "sh loud.sh {GOOD[0]} {{output}}"
"""


@dataclass
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder with a workflow of the same shape as the real one, whose cells take a second."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "train.sh").write_text(TRAIN)
    _write(tmp_path / "record.json", "ok", "")
    _write(tmp_path / "failure.json", "failed", "the loss is not finite\nfurther words")
    return tmp_path


def _write(path: Path, state: str, reason: str) -> None:
    write_record(path, CellRecord(name="x", spec={}, track="as-run", state=state, reason=reason))  # type: ignore[arg-type]


def run(folder: Path, *words: str, logger: bool = True) -> Ran:
    """Snakemake without a terminal."""
    chosen = ["--logger", "sirenbench"] if logger else []
    command = [str(SNAKEMAKE), "--cores", "2", *words, *chosen]
    environment = os.environ | {"PYTHONHASHSEED": "0"}  # the order of what Snakemake lists depends on it
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def run_on_terminal(folder: Path, *words: str) -> tuple[int, str]:
    """Snakemake on a terminal of 30 x 100 characters: the exit code and every byte that was shown."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [str(SNAKEMAKE), "--cores", "2", *words, "--logger", "sirenbench"],
        cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=environment | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 1 << 16)
        except OSError:  # the other end was closed
            break
    os.close(master)
    return process.wait(timeout=60), shown.decode()


CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


def screen(shown: str) -> list[str]:
    """The lines that stand on a terminal, with all that scrolled out of it, after it was sent some text."""
    lines, row, column = [""], 0, 0
    for number, command, back, newline, text in CONTROL.findall(shown):
        if text:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
        elif back:
            column = 0
        elif newline:
            row += 1
            lines += [""] * (row == len(lines))
        elif command == "A":
            row = max(0, row - int(number or 1))
        elif command == "K":
            lines[row] = ""
    return [line.rstrip() for line in lines if line.strip()]


def test_a_log_gets_one_line_for_each_cell_and_no_chatter(toy: Path) -> None:
    ran = run(toy)
    assert ran.code == 0, ran.err
    lines = ran.err.splitlines()
    done = [line for line in lines if line.startswith("[")]
    assert sorted(re.sub(r"\d+\.\d s", "S s", line[6:]) for line in done) == [f"{name} S s" for name in GOOD]
    assert [line[:5] for line in done] == ["[1/2]", "[2/2]"]
    rest = {line for line in lines if line not in done and not line.startswith(("Complete log(s):", "Elapsed time:"))}
    assert {re.sub(r"in 0:\d\d", "in M:SS", line) for line in rest} == {
        "fetch cam",
        "a warning of the download",
        "cells: 2 done, 0 failed in M:SS",
        "render results/demo/report.html",
    }
    assert ran.out.splitlines() == ["the run begins", "the report is in results/demo/report.html"]


def test_snakemakes_own_log_file_still_has_everything(toy: Path) -> None:
    run(toy)
    (log,) = (toy / ".snakemake" / "log").glob("*.log")
    assert "Job stats:" in log.read_text()
    assert "Reason: Missing output files: results/cells/fit/cam-8/siren-1x8/cell.json" in log.read_text()
    assert "4 of 5 steps (80%) done" in log.read_text()


def test_a_terminal_shows_the_running_cells_and_then_makes_room(toy: Path) -> None:
    (toy / "together").touch()
    code, shown = run_on_terminal(toy)
    assert code == 0, shown
    while_running = screen(shown[: shown.rindex("1:10 left") + 9])
    assert any(re.fullmatch(r"cells \S+ 0 done, 2 running, 0 failed 0:\d\d", line) for line in while_running)
    for name in GOOD:
        assert any(re.fullmatch(rf"  {name} +step 412/1000 +31\.24 dB +1:10 left", line) for line in while_running)
    after = [line for line in screen(shown) if not line.startswith(("Complete log(s):", "Elapsed time:"))]
    assert set(after[:3]) == {"the run begins", "fetch cam", "a warning of the download"}
    assert re.fullmatch(r"cells: 2 done, 0 failed in 0:\d\d", after[3])
    assert after[4:] == ["render results/demo/report.html", "the report is in results/demo/report.html"]
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is visible again"


def test_what_jobs_print_stands_above_the_bar_and_their_progress_below_it(toy: Path) -> None:
    long = "a long line " * 20
    noise = f"printf 'loading 10%%\\rloading 90%%' >&2; sleep 1; printf '\\rloaded\\n' >&2; echo '{long}'\n"
    (toy / "loud.sh").write_text(noise + TRAIN)
    with (toy / "Snakefile").open("a") as file:
        file.write(LOUD)
    code, shown = run_on_terminal(toy)
    assert code == 0, shown
    assert "loading 90%" in shown
    after = screen(shown)
    assert after.count("loaded") == 1
    assert after.count(long.strip()) == 1, "neither wrapped nor cut"
    assert not any("loading" in line or "━" in line for line in after)


@pytest.mark.parametrize("terminal", [False, True], ids=["log", "terminal"])
def test_a_failed_cell_says_why_and_how_to_run_it_again_and_the_others_go_on(toy: Path, terminal: bool) -> None:
    words = ["all", f"results/cells/{BAD}/cell.json", "--keep-going"]
    if terminal:
        code, shown = run_on_terminal(toy, *words)
        lines = screen(shown)
    else:
        ran = run(toy, *words)
        code, lines = ran.code, ran.err.splitlines()
    assert code == 1
    failed = next(i for i, line in enumerate(lines) if "FAILED" in line)
    assert re.fullmatch(rf"\[\d/3\] FAILED {BAD} after \d+\.\d s", lines[failed])
    assert lines[failed + 1 : failed + 4] == [
        "    reason: the loss is not finite",
        f"    log: results/logs/{BAD}.log",
        f"    again: snakemake -f results/cells/{BAD}/cell.json",
    ]
    assert any(re.fullmatch(r"cells: 2 done, 1 failed in 0:\d\d", line) for line in lines)
    assert lines[-1] == "At least one job did not complete successfully."
    assert not any("CalledProcessError" in line for line in lines)
    assert "render results/demo/report.html" in lines


def test_a_failed_job_that_is_no_cell_is_told_by_snakemake(toy: Path) -> None:
    (toy / "Snakefile").write_text(SNAKEFILE.replace("touch {output}", "exit 3", 1))
    ran = run(toy)
    assert ran.code == 1
    assert "Error in rule asset:" in ran.err
    assert re.search(r"^cells: 0 done, 0 failed, 2 left in 0:\d\d$", ran.err, re.MULTILINE)
    assert ran.err.endswith("At least one job did not complete successfully.\n")


def test_a_cell_that_is_not_testable_is_done_and_says_why(toy: Path) -> None:
    _write(toy / "record.json", "not-testable", "the asset div2k-0028 is missing\nfurther words")
    ran = run(toy, f"results/cells/{GOOD[0]}/cell.json")
    assert ran.code == 0
    assert re.search(rf"\[1/1\] {GOOD[0]} \d\.\d s, not testable: the asset div2k-0028 is missing\n", ran.err)
    assert "cells: 0 done, 1 not testable, 0 failed in" in ran.err


def test_a_cell_that_is_tried_again_counts_once(toy: Path) -> None:
    (toy / "train.sh").write_text("if [ ! -e tried ]; then touch tried; exit 1; fi\n" + TRAIN)
    ran = run(toy, f"results/cells/{GOOD[0]}/cell.json", "--retries", "1")
    assert ran.code == 0, ran.err
    assert "Trying to restart job" in ran.err
    assert "cells: 1 done, 0 failed in" in ran.err


def test_a_dry_run_looks_as_it_always_does(toy: Path) -> None:
    def told(ran: Ran) -> list[str]:
        return [
            line
            for line in ran.out.splitlines()
            if not line.startswith(("[", "  ID:", "  Workflow ID:", "  Date:", "  Command:"))
        ]

    with_logger = run(toy, "--dry-run")
    assert re.search(r"^train +2$", with_logger.out, re.MULTILINE)
    assert told(with_logger) == told(run(toy, "--dry-run", logger=False))
    assert not (toy / "results").exists()


def test_nothing_to_be_done_is_said(toy: Path) -> None:
    assert run(toy).code == 0
    ran = run(toy)
    assert ran.err.startswith("Nothing to be done")
    assert "cells:" not in ran.err


@pytest.mark.parametrize(
    ("quiet", "shown"),
    [("progress", {"fetch cam"}), ("rules", {"[1/2]", "cells:"}), ("all", set())],
)
def test_quiet_is_honoured(quiet: str, shown: set[str], toy: Path) -> None:
    ran = run(toy, "--quiet", quiet)
    assert ran.code == 0
    assert {text for text in ("fetch cam", "[1/2]", "cells:") if text in ran.err} == shown


def test_a_quiet_terminal_has_no_bar(toy: Path) -> None:
    code, shown = run_on_terminal(toy, "--quiet")
    assert code == 0
    assert "━" not in shown
    assert "31.24 dB" not in shown


def test_a_mistake_in_the_snakefile_is_told_by_snakemake(toy: Path) -> None:
    (toy / "Snakefile").write_text(
        "from snakemake.exceptions import WorkflowError\nraise WorkflowError('bad config: x')"
    )
    code, shown = run_on_terminal(toy)
    assert code == 1
    assert any("bad config: x" in line for line in screen(shown))


@pytest.mark.slow
def test_a_snakemake_inside_a_job_shows_no_bar_of_its_own(toy: Path) -> None:
    inner = toy / "inner"
    inner.mkdir()
    for name in ("Snakefile", "train.sh", "record.json"):
        (inner / name).write_text((toy / name).read_text())
    with (toy / "Snakefile").open("a") as file:
        file.write(
            f'\nruleorder: outer > train\nrule outer:\n    output: "results/cells/{GOOD[0]}/cell.json"\n    shell:\n'
            f'        "cd inner && {SNAKEMAKE} results/cells/{GOOD[0]}/cell.json --cores 1 --logger sirenbench'
            ' && cp record.json ../{output}"\n'
        )
    code, shown = run_on_terminal(toy)
    assert code == 0, shown
    lines = screen(shown)
    assert sum(line.startswith(f"[1/1] {GOOD[0]} ") for line in lines) == 1, "the inner run writes lines"
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1, "one display was begun and ended"
