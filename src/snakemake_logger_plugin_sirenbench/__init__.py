"""A Snakemake logger that shows cells: enabled by ``logger: sirenbench`` in a profile, or ``--logger sirenbench``.

On a terminal it keeps a bar and a line for each running cell; elsewhere it writes one line for each cell that ends.
Snakemake's chatter about single jobs is left out (its own log file below ``.snakemake/log`` still has it). Errors,
warnings, the ``message:`` of a rule that is not for single cells, and whatever else Snakemake says are written as
before. A dry run, and a run with ``--verbose``, look as if there were no such logger.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import Any

from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_sirenbench.screens import Lines, Screen
from snakemake_logger_plugin_sirenbench.tally import CELL_RULES, Tally

__all__ = ["LogHandler"]

_CHATTER_EVENTS = (
    LogEvent.WORKFLOW_STARTED,
    LogEvent.RUN_INFO,
    LogEvent.RESOURCES_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.GROUP_INFO,
    LogEvent.PROGRESS,
    LogEvent.RULEGRAPH,
)
_UNANNOUNCED = ("evaluate",)  # one short job for each cell and metric
_CHATTER = (
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Using shell:",
    "Group jobs: inactive",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Select jobs to execute",
)


class LogHandler(LogHandlerBase):
    """Routes Snakemake's events: to the tally of cells, to the screen, or to Snakemake's own way of writing them."""

    def __post_init__(self) -> None:
        settings = self.common_settings
        quiet = set(settings.quiet or ())
        self._allowed = DefaultFilter(
            quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
        )
        self._verbatim = settings.dryrun or settings.verbose or settings.debug_dag
        self._counts = not quiet & {Quietness.PROGRESS, Quietness.ALL}
        self._is_open = False
        self._tally = Tally()
        self._screen = self._best_screen()
        self._snakemake = ColorizingTextHandler(
            nocolor=settings.nocolor, stream=sys.stdout if settings.stdout else self._screen.stream
        )
        self._snakemake.setFormatter(DefaultFormatter(quiet, settings.show_failed_logs))

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return True  # it must see every event to count cells; what it writes passes Snakemake's filter

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if not self._verbatim:
                self._follow(record)
            elif self._allowed.filter(record):
                self._snakemake.emit(record)
        except Exception:
            # The display must never cost a run: from here on Snakemake's own words are good enough.
            self._verbatim = True
            with suppress(Exception):
                self._screen.hide()
                self._snakemake.emit(record)

    def close(self) -> None:
        with suppress(Exception):
            self._tally.interrupt()
            self._close_screen()
        super().close()

    def _best_screen(self) -> Screen:
        is_terminal = os.isatty(2) and os.environ.get("TERM") != "dumb"
        if not is_terminal or self._verbatim or not self._counts:
            return Lines(self._tally, sys.stderr)
        from snakemake_logger_plugin_sirenbench.bar import Bar

        return Bar(self._tally, colour=not self.common_settings.nocolor)

    def _follow(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        is_cell = getattr(record, "rule_name", None) in CELL_RULES
        is_allowed = self._allowed.filter(record)
        if event == LogEvent.RUN_INFO:
            self._tally.plan(record.stats)  # type: ignore[attr-defined]
            self._open_screen()
        elif event == LogEvent.JOB_INFO:
            self._begin(record, is_cell, is_allowed)
        elif event == LogEvent.JOB_FINISHED:
            self._finish(record.job_id, is_allowed)  # type: ignore[attr-defined]
        elif event == LogEvent.JOB_ERROR:
            self._fail(record, is_cell, is_allowed)
        elif is_allowed and not self._is_chatter(record):
            self._snakemake.emit(record)
        is_over = event is None and record.levelno >= logging.ERROR
        if not self._tally.running and (is_over or not self._tally.left):
            self._close_screen()

    def _begin(self, record: Any, is_cell: bool, is_allowed: bool) -> None:
        if is_cell:
            self._tally.start(record.jobid, record.output, record.log)
            self._open_screen()
        elif record.rule_msg and record.rule_name not in _UNANNOUNCED and is_allowed:
            self._screen.say(record.rule_msg)

    def _finish(self, job: int, is_allowed: bool) -> None:
        if job in self._tally.running:
            end = self._tally.finish(job)
            if is_allowed:
                self._screen.ended(end)

    def _fail(self, record: Any, is_cell: bool, is_allowed: bool) -> None:
        if record.jobid in self._tally.running:
            end = self._tally.fail(record.jobid)
            if is_allowed:
                self._screen.failed(end)
        if is_allowed and (not is_cell or self.common_settings.show_failed_logs):
            self._snakemake.emit(record)

    def _is_chatter(self, record: Any) -> bool:
        event = getattr(record, "event", None)
        if event == LogEvent.ERROR:
            # "Command ... returned non-zero exit status" is followed by the error of the job, which says more.
            is_announced = Quietness.RULES not in self._allowed.quiet
            return is_announced and record.exception == "RuleException" and "CalledProcessError" in record.msg
        return event in _CHATTER_EVENTS or (record.levelno == logging.INFO and str(record.msg).startswith(_CHATTER))

    def _open_screen(self) -> None:
        if self._counts and self._tally.total:
            self._is_open = True
            self._screen.show()

    def _close_screen(self) -> None:
        if self._is_open:
            self._is_open = False
            self._screen.hide()
            self._screen.summary()
