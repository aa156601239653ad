"""The live display of a terminal: a bar for all cells, and a line for each that runs."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from itertools import islice

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from snakemake_logger_plugin_sirenbench.screens import Screen, told
from snakemake_logger_plugin_sirenbench.tally import Ended, Tally, clock
from snakemake_logger_plugin_sirenbench.terminal import Terminal


class _AboveBar(io.StringIO):
    """A text stream whose lines are said above the bar."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def flush(self) -> None:
        text = self.getvalue().removesuffix("\n")
        self.seek(0)
        self.truncate()
        if text:
            self._say(text)

    def isatty(self) -> bool:
        return True


class Bar(Screen):
    """For a terminal. What jobs print appears above the bar, and their own progress bars below it."""

    interval = 0.5

    def __init__(self, tally: Tally, *, colour: bool) -> None:
        super().__init__(tally, _AboveBar(self.say))
        self._lock = threading.RLock()  # rich draws wrongly when one thread prints while another one refreshes
        self._terminal = Terminal(self.say)
        self._console = Console(file=self._terminal.file, no_color=None if colour else True, highlight=False)

    def begin(self) -> None:
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._terminal.capture()

    def tick(self) -> None:
        with self._lock:
            # Started only now, when a line that was half written at the time of the capture is complete.
            self._live.start()
            self._live.refresh()

    def end(self) -> None:
        self._terminal.release()
        with self._lock:
            self._live.stop()

    def ended(self, end: Ended) -> None:
        """Nothing: the bar counts it."""

    def say(self, text: str) -> None:
        """Write lines as they are, neither wrapped nor styled."""
        with self._lock:
            self._console.print(Text.from_ansi(text), soft_wrap=True)

    def _drawn(self) -> RenderableType:
        tally = self.tally
        head = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(tally.total, 1), completed=len(tally.ended), width=24)
        head.add_row("cells", bar, tally.counts(), clock(tally.seconds))
        room = max(1, self._console.height - 5)
        lines = Table.grid(padding=(0, 2), expand=True)
        lines.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for _ in range(3):
            lines.add_column(justify="right", no_wrap=True)
        for cell, beat in islice(tally.beats(), room):
            lines.add_row(f"  {cell.name}", *told(beat))
        hidden = len(tally.running) - room
        more = [Text(f"  and {hidden} more")] if hidden > 0 else []
        below = self._terminal.unfinished
        return Group(head, lines, *more, *([Text.from_ansi(below, no_wrap=True, overflow="ellipsis")] if below else []))
