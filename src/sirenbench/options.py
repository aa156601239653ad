"""The switches of a cell: each has a name, a default, a set of allowed values and one canonical text."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sirenbench.errors import allowed, shown

Value = int | float | str
Track = Literal["as-described", "as-run", "improved"]


class OptionError(ValueError):
    """A value that an option does not allow; the text says what is allowed."""


@dataclass(frozen=True)
class Option(ABC):
    """A switch of a cell.

    Attributes
    ----------
    name
        The key, as written in cell names and in grids.
    default
        Left out of cell names.
    doc
        One sentence, shown in the docs and in error messages.
    tracks
        Which of the paper's two protocols a value belongs to, where they differ; a value that is not named belongs to
        both.
    beyond_paper
        Whether any other value than the default leaves the paper's protocol, so that the cell
        belongs to the track ``improved``.
    """

    name: str
    default: Value
    doc: str
    tracks: Mapping[Value, Track] = field(default_factory=dict, kw_only=True, hash=False)
    beyond_paper: bool = field(default=False, kw_only=True)

    def track_of(self, value: Value) -> Track | None:
        """The one track that a value belongs to; None if it says nothing of it."""
        return "improved" if self.beyond_paper and value != self.default else self.tracks.get(value)

    @abstractmethod
    def check(self, value: object) -> Value:
        """The value in its one type. Raises OptionError if it is not allowed."""

    @abstractmethod
    def describe(self) -> str:
        """What is allowed, in words."""

    def text(self, value: Value) -> str:
        """The canonical text of a value, without ``/`` and safe in paths and shells."""
        return str(value)

    @abstractmethod
    def read(self, text: str) -> Value:
        """The value of a text. Raises OptionError; the inverse of :meth:`text`."""


@dataclass(frozen=True)
class Choice(Option):
    """One of a few words."""

    choices: tuple[str, ...] = field(kw_only=True)

    def check(self, value: object) -> Value:
        if str(value) not in self.choices:
            raise OptionError(f"{shown(value)} is not known; {allowed(self.choices, value)}")
        return str(value)

    def describe(self) -> str:
        return f"one of {', '.join(self.choices)}"

    def read(self, text: str) -> Value:
        return self.check(text)


@dataclass(frozen=True)
class Word(Option):
    """A name that is not known beforehand, as that of an asset."""

    def check(self, value: object) -> Value:
        if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", value):
            raise OptionError(f"{shown(value)} is not {self.describe()}")
        return value

    def describe(self) -> str:
        return "a word of lower-case letters and digits, with single '-', '_' or '.' between them"

    def read(self, text: str) -> Value:
        return self.check(text)


@dataclass(frozen=True)
class Integer(Option):
    """A whole number within bounds, both inclusive."""

    low: int = field(kw_only=True)
    high: int = field(kw_only=True)

    def check(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise OptionError(f"{shown(value)} is not {self.describe()}")
        return value

    def describe(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def read(self, text: str) -> Value:
        if not re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):
            raise OptionError(f"{shown(text)} is not {self.describe()}")
        return self.check(int(text))


@dataclass(frozen=True)
class Number(Option):
    """A finite number within bounds, both inclusive."""

    low: float = field(kw_only=True)
    high: float = field(kw_only=True)

    def check(self, value: object) -> Value:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise OptionError(f"{shown(value)} is not {self.describe()}")
        return float(value)  # type: ignore[arg-type]

    def describe(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def text(self, value: Value) -> str:
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)

    def read(self, text: str) -> Value:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        value = self.check(number)
        if self.text(value) != text:
            raise OptionError(f"{shown(text)} has another canonical form: {self.text(value)}")
        return value
