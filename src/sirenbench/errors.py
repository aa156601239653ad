"""Errors for people: what was wrong, where, what is allowed, what to do next."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class UserError(Exception):
    """A mistake or a lack that a person can mend. It is shown as text, never as a traceback."""


class AssetUnavailable(UserError):
    """An asset could not be had, or is not what it should be. Cells that need it are not testable."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in a file or in a name.

    Attributes
    ----------
    where
        The file, or the command-line word, that holds it.
    key
        The dotted key, e.g. ``studies.fig4a.grid.arm``; empty if the whole is meant.
    message
        What was wrong with which value, and what is allowed.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.where}: {self.key}" if self.key else self.where
        return f"{place}: {self.message}"


class Mistakes(UserError):
    """All mistakes of one input, so that they can be mended in one go."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        head = "1 mistake" if count == 1 else f"{count} mistakes"
        super().__init__("\n  ".join([f"{head} in the configuration:", *map(str, self.mistakes)]))


def check_file_name(path: Path) -> None:
    """Raise UserError for a name that is another to this Python than to the libraries that it hands files to.

    Python takes names of files for what the locale says, if it is told to (PYTHONUTF8=0), and others always for UTF-8.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not str(path).isascii():
        raise UserError(
            f"the name {str(path)!r} has letters beyond ASCII, and this Python takes names of files for "
            f"{encoding}: unset PYTHONUTF8, or set PYTHONUTF8=1, or use a path without such letters"
        )


def shown(value: object) -> str:
    """A value as it is quoted in messages: on one line, cut when long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def allowed(words: Iterable[str], given: object = None) -> str:
    """``"allowed: a, b, c; did you mean 'b'?"``."""
    listed = [str(word) for word in words]
    close = difflib.get_close_matches(str(given), listed, n=1, cutoff=0.5) if given is not None else []
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed: {', '.join(listed)}{hint}"
