"""One job of the test workflow: ``job.py KIND NUMBER OUTPUT``. Starts and ends leave a line each."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def note(book: str, name: str) -> None:
    """Append one line; jobs that do it at the same time do not mix."""
    job = os.environ.get("SLURM_ARRAY_JOB_ID", os.environ.get("SLURM_JOB_ID", "-"))
    task = os.environ.get("SLURM_ARRAY_TASK_ID")
    line = f"{name} {job}{'_' + task if task else ''} {os.environ.get('SLURM_RESTART_COUNT', '0')} {time.time():.1f}\n"
    handle = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


def count(steps: int, output: Path) -> None:
    """Count to ``steps``, ten a second. Each step is done once: a signal leaves in ``state`` where to go on."""
    state = Path("state") / str(output).replace("/", "_")
    state.parent.mkdir(exist_ok=True)
    try:
        first = int(state.read_text())
    except (FileNotFoundError, ValueError):  # a damaged one is as good as none
        first = 0
    asked: list[int] = []
    for wanted in (signal.SIGUSR2, signal.SIGTERM):
        signal.signal(wanted, lambda number, frame: asked.append(number))
    for step in range(first, steps):
        if asked:
            state.write_text(str(step))
            sys.exit(75)
        with state.with_suffix(".steps").open("a") as done:
            done.write(f"{step}\n")
        time.sleep(0.1)
    output.write_text(f"{steps}\n")


def main() -> None:
    kind, number, output = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    note("starts", str(output))
    if kind == "quick" and number >= 90:
        sys.exit(3)
    if kind == "sleep":
        time.sleep(number)
    if kind == "hog":
        taken = [bytearray(os.urandom(1) * 2**20) for _ in range(number)]
        time.sleep(30)
        del taken
    if kind == "count":
        count(number, output)
    elif kind == "big":
        with output.open("wb") as file:
            for _ in range(number):
                file.write(bytes(1024))
                file.flush()
    elif kind == "gpu":
        time.sleep(3)  # the others start meanwhile
        output.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    else:
        output.write_text(f"{number}\n")
    note("ends", str(output))


if __name__ == "__main__":
    main()
