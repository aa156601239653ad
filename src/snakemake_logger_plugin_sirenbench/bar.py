"""The live display of a terminal: a bar for all cells, and a line for each that runs."""

from __future__ import annotations

import io
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
    """A text stream whose lines appear above the live display, as they are: neither wrapped nor styled."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def flush(self) -> None:
        text = self.getvalue().removesuffix("\n")
        self.seek(0)
        self.truncate()
        if text:
            self._console.print(Text.from_ansi(text), soft_wrap=True)

    def isatty(self) -> bool:
        return True


class Bar(Screen):
    """For a terminal. What jobs print appears above the bar, and their own progress bars below it."""

    def __init__(self, tally: Tally, *, colour: bool) -> None:
        self._terminal = Terminal(self.say)
        self._console = Console(file=self._terminal.file, no_color=None if colour else True, highlight=False)
        self._live: Live | None = None
        super().__init__(tally, _AboveBar(self._console))

    def show(self) -> None:
        if self._live is None:
            self._terminal.capture()
            self._live = Live(
                get_renderable=self._drawn,
                console=self._console,
                refresh_per_second=2,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def hide(self) -> None:
        if self._live is not None:
            self._terminal.release()
            self._live.stop()
            self._live = None

    def ended(self, end: Ended) -> None:
        """Nothing: the bar counts it."""

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
