"""What claims compare: a number of a cell, a constant, a difference of two of them, or the best of several.

A term is written in words: ``siren psnr tail`` is a cell, by its name or by an alias, and a score; words with ``=``
between them change the cell (``fit3 first_init=normal psnr best``); ``minus`` takes the difference, seed by seed; a
list stands for the best of its members.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, InstanceOf, ValidationInfo, WithJsonSchema

from sirenbench.claims.scores import Score, parse_score
from sirenbench.errors import UserError, allowed, shown
from sirenbench.names import changed, options_of, parse_name
from sirenbench.options import Option, OptionError, Value
from sirenbench.spec import CellSpec, SpecError
from sirenbench.statistics import Sample, summarise

_MINUS = " minus "
_SIZES = ("size", "factor", "depth", "width")


@dataclass(frozen=True)
class Quantity:
    """A score of a cell; the cell is the paper's."""

    cell: CellSpec
    score: Score

    @property
    def text(self) -> str:
        return f"{self.cell.name} {self.score.text}"


Operand: TypeAlias = Quantity | float


@dataclass(frozen=True)
class Difference:
    """An operand, less another one if there is one."""

    first: Operand
    less: Operand | None = None

    @property
    def operands(self) -> list[Operand]:
        return [self.first, *([] if self.less is None else [self.less])]


@dataclass(frozen=True)
class Term:
    """The best, by its mean, of one or several differences.

    Attributes
    ----------
    text
        As it was written.
    """

    choices: tuple[Difference, ...]
    text: str

    @property
    def quantities(self) -> list[Quantity]:
        """Every number of a cell that it needs."""
        operands = [operand for choice in self.choices for operand in choice.operands]
        return [operand for operand in operands if isinstance(operand, Quantity)]

    @property
    def quantity(self) -> Quantity | None:
        """The one quantity that it is, if it is no more than that."""
        return (
            self.quantities[0] if len(self.choices) == len(self.choices[0].operands) == len(self.quantities) else None
        )

    @property
    def unit(self) -> str:
        return next((quantity.score.unit for quantity in self.quantities), "")

    def sample(self, of: Callable[[Quantity], Sample]) -> Sample:
        """Its value by seed, where ``of`` knows the quantities."""

        def value(operand: Operand) -> Sample:
            return of(operand) if isinstance(operand, Quantity) else Sample({0: operand}, exact=True)

        def taken(choice: Difference) -> Sample:
            first = value(choice.first)
            return first if choice.less is None else paired(first, value(choice.less), lambda a, b: a - b)

        samples = [taken(choice) for choice in self.choices]
        means = [summarise(sample).mean for sample in samples]
        return samples[max(range(len(samples)), key=lambda i: -math.inf if math.isnan(means[i]) else means[i])]


def paired(a: Sample, b: Sample, rule: Callable[[float, float], float]) -> Sample:
    """A rule applied seed by seed, over the seeds that both have; an exact score goes with every seed of the other."""
    if a.exact and b.exact:
        return Sample({0: rule(a.at(0), b.at(0))}, exact=True) if a.defined and b.defined else Sample(exact=True)
    if (a.exact and not a.defined) or (b.exact and not b.defined):
        return Sample()
    seeds = set(b.values) if a.exact else set(a.values) if b.exact else set(a.values) & set(b.values)
    return Sample({seed: rule(a.at(seed), b.at(seed)) for seed in sorted(seeds)})


def ratio(a: float, b: float) -> float:
    """a / b; not a number where b is not positive."""
    return a / b if b > 0 else math.nan


@dataclass(frozen=True)
class Vocabulary:
    """What the words of terms mean: alias -> cell."""

    cells: Mapping[str, CellSpec]

    def cell(self, words: Sequence[str]) -> tuple[CellSpec, list[str]]:
        """The cell that some words begin with, and the words after it.

        Raises
        ------
        UserError
            With what is allowed.
        """
        spec = self._named(words[0])
        count = next((i for i, word in enumerate(words[1:], 1) if "=" not in word or "@" in word), len(words))
        return (_changed(spec, tuple(words[1:count])) if count > 1 else spec), list(words[count:])

    def _named(self, word: str) -> CellSpec:
        if word in self.cells:
            return self.cells[word]
        if "/" not in word:
            raise UserError(f"no cell is called {shown(word)}; {allowed(self.cells, word)}, or the name of a cell")
        return parse_name(word)

    def term(self, value: object) -> Term:
        """The term of what stands in a claim. Raises UserError."""
        texts = value if isinstance(value, list) else [value]
        if not texts:
            raise UserError("an empty list; give at least one term")
        choices = tuple(self._difference(text) for text in texts)
        return Term(choices, " or ".join(map(str, texts)))

    def _difference(self, value: object) -> Difference:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Difference(float(value))
        if not isinstance(value, str) or not value.strip():
            raise UserError(
                f"{shown(value)} is no term; write a cell and a score, as in 'siren psnr tail', or a number"
            )
        first, minus, less = value.partition(_MINUS)
        return Difference(self._operand(first), self._operand(less) if minus else None)

    def _operand(self, text: str) -> Operand:
        try:
            return float(text)
        except ValueError:
            cell, words = self.cell(text.split())
            return Quantity(cell, parse_score(words))


@cache
def _changed(spec: CellSpec, words: tuple[str, ...]) -> CellSpec:
    known = {option.name: option for option in options_of(spec.task, spec.arm)}
    changes = dict(_change(spec, known, *word.split("=", 1)) for word in words)
    return changed(spec, **changes)


def _change(spec: CellSpec, known: Mapping[str, Option], key: str, text: str) -> tuple[str, Value]:
    if key == "image":
        return key, text
    if key in _SIZES and text.isdecimal():
        return key, int(text)
    if key not in known:
        raise SpecError(key, f"cannot be changed in {spec.name}; {allowed(['image', *_SIZES, *known], key)}")
    try:
        return key, known[key].read(text)
    except OptionError as error:
        raise SpecError(key, str(error)) from None


def _vocabulary(info: ValidationInfo) -> Vocabulary:
    return info.context["vocabulary"]  # type: ignore[index]


def _read_term(value: object, info: ValidationInfo) -> Any:
    try:
        return _vocabulary(info).term(value)
    except UserError as error:
        raise ValueError(str(error)) from None


def _read_cell(value: object, info: ValidationInfo) -> Any:
    try:
        cell, rest = _vocabulary(info).cell(str(value).split() or [""])
    except UserError as error:
        raise ValueError(str(error)) from None
    if rest:
        raise ValueError(f"a cell is wanted, and {' '.join(rest)!r} is too much")
    return cell


_WORDS = WithJsonSchema({"type": "string"})
TermField = Annotated[InstanceOf[Term], BeforeValidator(_read_term), _WORDS]
CellField = Annotated[InstanceOf[CellSpec], BeforeValidator(_read_cell), _WORDS]
