"""Starting jobs from a process that has loaded Snakemake and the modules of the scripts: a fork instead of a start.

Importing Snakemake and, say, PyTorch takes seconds, which every short job of an allocation would pay again. So the
commands ``python -m snakemake ...`` are forked from this process, and the Python scripts that they start too: the inner
Snakemake finds a small program in place of ``python`` that asks here for the fork. Everything else is started as ever.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import json
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType

_CLIENT = Path(__file__).with_name("client.py")
_SNAKEMAKE = [sys.executable, "-m", "snakemake"]
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGCHLD)
_PR_SET_PDEATHSIG = 1
#: What Snakemake imports only when it runs a job.
_OF_JOBS = ("snakemake.script", "snakemake.benchmark", "snakemake.storage", "smart_open", "nbformat", "pandas")


class Process:
    """A started job: its first process and those that were forked for its scripts, all in one process group.

    Attributes
    ----------
    code
        Exit status of the first process, negative for a signal; None while it runs.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.scripts: dict[int, socket.socket] = {}

    def send(self, number: signal.Signals) -> None:
        """Signal all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Launcher:
    """Starts jobs, one at a time, and waits for them.

    Parameters
    ----------
    preload
        Modules to import in this process while the first job starts.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self._preload = list(preload)
        self._process: Process | None = None
        self._is_last = True

    def __enter__(self) -> Launcher:
        self._folder = Path(tempfile.mkdtemp(prefix="warm-", dir="/tmp"))  # a socket's path has at most 107 letters
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / "socket"))
        self._listener.listen()
        self._python = self._folder / "python"
        words = [sys.executable, "-I", "-S", str(_CLIENT), str(self._folder / "socket"), sys.executable]
        self._python.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        self._python.chmod(0o700)
        self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process and self._process.code is None:
            self._process.send(signal.SIGTERM)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(signal.set_wakeup_fd(-1))
        os.close(self._wake)
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, command: str, log: Path, *, is_last: bool = False) -> Process:
        """Start a shell command line; what it prints goes to ``log``. Nothing is loaded for jobs after the last."""
        log.parent.mkdir(parents=True, exist_ok=True)
        words = shlex.split(command)
        is_warm = bool(self._preload) and words[:3] == _SNAKEMAKE
        if is_warm and self._process:
            _load_what_jobs_need()
        self._is_last = is_last
        with log.open("ab") as stream, open(os.devnull, "rb") as nothing:
            files = [nothing.fileno(), stream.fileno(), stream.fileno()]
            run = (lambda: self._snakemake(words[3:])) if is_warm else (lambda: _shell(command))
            self._process = Process(_fork(run, files))
        for module in self._preload if is_warm else ():  # while the first job loads Snakemake by itself
            importlib.import_module(module)
        return self._process

    def wait(self, process: Process, until: Callable[[], bool] = lambda: False, seconds: float | None = None) -> bool:
        """Serve a job until it and its scripts have ended (True), or ``until`` holds or time is over (False)."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            self._reap(process)
            if process.code is not None and not process.scripts:
                return True
            left = None if end is None else end - time.monotonic()
            if until() or (left is not None and left <= 0):
                return False
            ready, _, _ = select.select([self._wake, self._listener.fileno()], [], [], left)
            if self._wake in ready:
                os.read(self._wake, 4096)
            if self._listener.fileno() in ready:
                self._serve(process)

    def _serve(self, process: Process) -> None:
        """Fork a script that the job asks for."""
        connection, _ = self._listener.accept()
        _, files, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile() as stream:
            request = json.loads(stream.readline())
        pid = _fork(lambda: _script(**request), files, process.pid)
        process.scripts[pid] = connection
        for file in files:
            os.close(file)
        if not self._is_last:
            _load_what_jobs_need()

    def _reap(self, process: Process) -> None:
        for pid in (process.pid, *process.scripts):
            if pid == process.pid and process.code is not None:
                continue
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            code = os.waitstatus_to_exitcode(status)
            if pid == process.pid:
                process.code = code
            else:
                with process.scripts.pop(pid) as connection:
                    _answer(connection, code)

    def _snakemake(self, words: Sequence[str]) -> int:
        from snakemake.cli import main

        sys.argv = ["snakemake", *words]
        sys.executable = str(self._python)
        main(list(words))
        return 0


@cache
def _load_what_jobs_need() -> None:
    """Snakemake, which the first job has imported by itself: every following one is forked with it."""
    from snakemake.cli import get_argument_parser

    get_argument_parser()  # finds and loads all plugins
    for module in _OF_JOBS:
        with suppress(ImportError):  # another version of Snakemake may do without
            importlib.import_module(module)


def _answer(connection: socket.socket, code: int) -> None:
    with suppress(OSError):  # who asked is gone
        connection.sendall(f"{code if code >= 0 else 128 - code}\n".encode())


def _script(script: str, cwd: str, environ: dict[str, str]) -> int:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = [script]
    sys.path.insert(0, str(Path(script).parent))
    if "numpy" in sys.modules:  # or all scripts would share one stream of random numbers
        sys.modules["numpy"].random.seed()
    runpy.run_path(script, run_name="__main__")
    return 0


def _shell(command: str) -> int:
    os.execv("/bin/sh", ["/bin/sh", "-c", command])


def _fork(run: Callable[[], int], files: Sequence[int], group: int = 0) -> int:
    """Fork a child that runs a function with these standard files, in a process group (its own if 0); its pid."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        _join_group(pid, group)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = 1
    try:
        os.setpgid(0, group)
        _die_with_parent()
        atexit._clear()
        signal.set_wakeup_fd(-1)
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # for whoever wants to hear it, and deadly to nobody else
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, file in enumerate(files):
            os.dup2(file, number)
        code = _status(run)
    finally:
        os._exit(code)


def _join_group(pid: int, group: int) -> None:
    with suppress(PermissionError, ProcessLookupError):  # the child did it itself, or has ended
        os.setpgid(pid, group or pid)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _status(run: Callable[[], int]) -> int:
    """Run a program as the interpreter would, up to and with its end."""
    try:
        code = run()
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code & 0xFF
