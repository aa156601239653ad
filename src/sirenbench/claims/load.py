"""Reading ``config/claims.yaml``: checked claims, or all mistakes at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError

from sirenbench.claims.evidence import PaperNumber
from sirenbench.claims.model import Claim, Claims, ClaimText, Group, Numbers
from sirenbench.claims.predicates.comparisons import Near
from sirenbench.claims.terms import Vocabulary
from sirenbench.claims.trials import Reader, Trial, filled
from sirenbench.config.base import Block
from sirenbench.config.messages import mistake
from sirenbench.config.yaml import read_yaml
from sirenbench.errors import Mistake, Mistakes, UserError, allowed, shown
from sirenbench.names import parse_name
from sirenbench.spec import CellSpec, SpecError

CLAIMS = Path("config/claims.yaml")


class ClaimsFile(Block):
    """The file as a whole."""

    cells: dict[str, str] = Field(default_factory=dict, description="Short words for the paper's cells.")
    numbers: list[Numbers] = Field(default_factory=list, description="The paper's numbers.")
    claims: dict[Group, dict[str, ClaimText]] = Field(description="Group -> id -> claim.")


def load_claims(path: Path = CLAIMS) -> Claims:
    """Read and check all claims.

    Raises
    ------
    Mistakes
        All mistakes at once, each with its key, what is allowed, and the nearest valid word.
    """
    where = str(path)
    try:
        file = ClaimsFile.model_validate(read_yaml(path))
    except ValidationError as error:
        raise Mistakes(_mistake(detail, where) for detail in error.errors(include_url=False)) from None
    mistakes: list[Mistake] = []
    vocabulary = Vocabulary(_cells(file, where, mistakes))
    numbers = _numbers(file, vocabulary, where, mistakes)
    reader = Reader(where, {"vocabulary": vocabulary, "numbers": numbers}, mistakes)
    claims: dict[str, Claim] = {}
    for group, members in file.claims.items():
        for form, text in members.items():
            key = f"claims.{group}.{form}"
            for name, own in _copies(form, text, where, key, mistakes):
                trial = reader.read(own.test, f"claims.{group}.{name}.test")
                if name in claims:
                    mistakes.append(Mistake(where, key, f"there is another claim named {name}"))
                elif trial:
                    claims[name] = Claim(name, group, own, trial, _number_of(trial, numbers))
    if not mistakes:
        mistakes += _needed(claims, where)
    if mistakes:
        raise Mistakes(dict.fromkeys(mistakes))
    return Claims(claims, numbers)


def _mistake(detail: Any, where: str) -> Mistake:
    location = detail["loc"]
    if location[0] == "claims" and location[-1] == "[key]":
        return Mistake(where, f"claims.{location[1]}", f"no such group; {allowed(get_args(Group), location[1])}")
    return mistake(detail, lambda *_: where, ClaimsFile)


def _cells(file: ClaimsFile, where: str, mistakes: list[Mistake]) -> dict[str, CellSpec]:
    cells = {}
    for alias, name in file.cells.items():
        try:
            cells[alias] = parse_name(name)
        except SpecError as error:
            mistakes.append(Mistake(where, f"cells.{alias}", str(error)))
    return cells


def _numbers(file: ClaimsFile, vocabulary: Vocabulary, where: str, mistakes: list[Mistake]) -> dict[str, PaperNumber]:
    numbers: dict[str, PaperNumber] = {}
    for index, block in enumerate(file.numbers):
        for form, given in block.of.items():
            key = f"numbers[{index}].of.{form}"
            texts = [filled(form, words) for words in _combinations(block.each)]
            values = given if isinstance(given, list) else [given]
            if len(values) != len(texts):
                mistakes.append(Mistake(where, key, f"{len(values)} numbers for {len(texts)} terms"))
                continue
            for text, value in zip(texts, values, strict=True):
                try:
                    name = _quantity(vocabulary, text, numbers)
                    numbers[name] = PaperNumber(float(value), block.where, block.evidence)
                except UserError as error:
                    mistakes.append(Mistake(where, key, str(error)))
    return numbers


def _quantity(vocabulary: Vocabulary, text: str, known: Mapping[str, PaperNumber]) -> str:
    """The full text of the quantity that a number is of. Raises UserError if it is none, or has one."""
    quantity = vocabulary.term(text).quantity
    if quantity is None:
        raise UserError(f"{shown(text)} is not a cell with a score")
    if quantity.text in known:
        raise UserError(f"{shown(text)} has a number already")
    return quantity.text


def _number_of(trial: Trial, numbers: Mapping[str, PaperNumber]) -> PaperNumber | None:
    quantity = trial.of.quantity if isinstance(trial, Near) else None
    return numbers.get(quantity.text) if quantity else None


def _combinations(each: Mapping[str, list[Any]]) -> list[dict[str, str]]:
    return [dict(zip(each, map(str, values), strict=True)) for values in itertools.product(*each.values())]


def _copies(form: str, text: ClaimText, where: str, key: str, mistakes: list[Mistake]) -> list[tuple[str, ClaimText]]:
    """The claims of one entry: itself, or one for each combination of ``each``."""
    lacking = [name for name in text.each if f"{{{name}}}" not in form]
    if lacking:
        mistakes.append(
            Mistake(where, f"{key}.each", f"{{{lacking[0]}}} is not in the id, so that ids would be the same")
        )
        return []
    copies = []
    for words in _combinations(text.each):
        fields = filled(text.model_dump(exclude={"each"}), words)
        copies.append((filled(form, words), text.model_copy(update=fields)))
    return copies


def _needed(claims: Mapping[str, Claim], where: str) -> list[Mistake]:
    """Claims that rest on unknown ones, or on themselves."""
    mistakes = []
    for claim in claims.values():
        key = f"claims.{claim.group}.{claim.id}.test"
        for needed in claim.trial.needed_claims():
            if needed not in claims:
                mistakes.append(Mistake(where, key, f"no claim is named {shown(needed)}; {allowed(claims, needed)}"))
            elif claim.id in _below(claims, needed, set()):
                mistakes.append(Mistake(where, key, f"rests on itself, by way of {needed}"))
    return mistakes


def _below(claims: Mapping[str, Claim], name: str, seen: set[str]) -> set[str]:
    """A claim and all that it rests on."""
    if name in claims and name not in seen:
        seen.add(name)
        for needed in claims[name].trial.needed_claims():
            _below(claims, needed, seen)
    return seen
