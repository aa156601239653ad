"""Keeping what jobs print apart from a live display.

A job's process writes to the terminal behind Snakemake's back, a traceback or a download's progress bar, say, and
would tear the display apart. While a display is shown, the standard streams therefore lead to a pipe, and what comes
out of it is handed over line by line.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_MARK = b"\0"


class Terminal:
    """The terminal behind the standard streams.

    Parameters
    ----------
    say
        Called, in a thread of its own, with every line that was written while the streams were captured.

    Attributes
    ----------
    file
        Always leads to the terminal.
    unfinished
        What was written last without an end of line: the present state of a progress bar.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._streams = {fd: os.dup(fd) for fd in (1, 2) if os.isatty(fd)}
        self._reader, self._writer = os.pipe()
        self._drained = threading.Event()
        self.file = open(self._streams[2], "w", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.unfinished = ""
        threading.Thread(target=self._pump, daemon=True, name="terminal").start()

    def capture(self) -> None:
        """From now on, this process and those it starts write to the pipe."""
        for fd in self._streams:
            os.dup2(self._writer, fd)

    def release(self) -> None:
        """Give the terminal back, after everything written so far has been handed over."""
        for fd, terminal in self._streams.items():
            os.dup2(terminal, fd)
        self._drained.clear()
        os.write(self._writer, _MARK)
        self._drained.wait(timeout=1)

    def _pump(self) -> None:
        text = b""
        while chunk := os.read(self._reader, 1 << 16):
            text += chunk.replace(_MARK, b"")
            *lines, text = text.replace(b"\r\n", b"\n").split(b"\n")
            self.unfinished = _last_state(text)
            for line in lines:
                self._say(_last_state(line))
            if _MARK in chunk:
                self._drained.set()


def _last_state(line: bytes) -> str:
    """What a line shows after all its carriage returns."""
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
