"""The paper's claims and what became of them, from ``claims.json``."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from sirenbench.claims.verdicts import BASES, FILE, Code, held_on
from sirenbench.report.cells import anchor_of
from sirenbench.report.text import number

WORDS = {
    Code.HOLDS: "holds",
    Code.FAILS: "fails",
    Code.REFUTED: "refuted by the paper itself",
    Code.INCONCLUSIVE: "inconclusive",
    Code.NOT_TESTABLE: "not testable",
}
_BASES = {basis: text.replace("'", "’") for basis, text in BASES.items()}


@dataclass(frozen=True)
class Part:
    """What a claim of several parts consists of."""

    what: str
    verdict: str
    reason: str
    measured: str


@dataclass(frozen=True)
class Line:
    """A claim.

    Attributes
    ----------
    evidence
        How the paper's side is known: keys of the scorecard's ``evidence``.
    basis
        What the verdict rests on, in words; empty where nothing could be tested.
    totals
        Keys of the totals that count it.
    cells
        Name and anchor of each cell that the verdict rests on.
    note
        It leads to the claims that it names.
    """

    id: str
    where: str
    statement: str
    track: str
    paper: str
    criterion: str
    verdict: str
    basis: str
    totals: list[str]
    reason: str
    measured: str
    evidence: list[str]
    cells: list[tuple[str, str]]
    scaled: list[str]
    parts: list[Part]
    note: Markup


@dataclass(frozen=True)
class Group:
    """Claims on one subject.

    Attributes
    ----------
    key
        Its word in addresses.
    tally
        How many came to which verdict: ``9 holds, 1 inconclusive``.
    """

    key: str
    title: str
    tally: str
    lines: list[Line]


@dataclass(frozen=True)
class Total:
    """How many claims came to a verdict; ``key`` is its word in addresses, ``parts`` are those on one basis each."""

    key: str
    word: str
    meaning: str
    n: int
    parts: list[Total]


@dataclass(frozen=True)
class Scorecard:
    """All claims, by group, and how many came to which verdict.

    Attributes
    ----------
    totals
        One for each verdict; that of the claims that hold has parts.
    evidence
        Letter -> the kind of evidence that it stands for.
    """

    totals: list[Total]
    groups: list[Group]
    evidence: dict[str, str]


def read_scorecard(folder: Path, cells: Collection[str]) -> Scorecard | None:
    """The scorecard of a run; None if its claims were not judged.

    Parameters
    ----------
    cells
        Names of the cells that are on the page and can be linked to.
    """
    path = folder / FILE
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    ids = {claim["id"] for claim in content["claims"]}
    lines = [(claim["group"], _line(claim, cells, ids)) for claim in content["claims"]]
    found = [(key, title, [line for of, line in lines if of == key]) for key, title in content["groups"].items()]
    groups = [Group(key, title, _tally(of_group), of_group) for key, title, of_group in found if of_group]
    return Scorecard(_totals(content), groups, content["evidence"])


def _totals(content: dict[str, Any]) -> list[Total]:
    held = [Total(_held(basis), _BASES[basis], "", n, []) for basis, n in held_on(content["claims"]).items()]
    return [
        Total(code, word, content["verdicts"][code], content["totals"][code], held if code is Code.HOLDS else [])
        for code, word in WORDS.items()
    ]


def _held(basis: str) -> str:
    return f"{Code.HOLDS}-{basis}"


def _tally(lines: list[Line]) -> str:
    counts = Counter(line.verdict for line in lines)
    return ", ".join(f"{counts[code.value]} {word}" for code, word in WORDS.items() if counts[code.value])


def _line(claim: dict[str, Any], cells: Collection[str], ids: Collection[str]) -> Line:
    return Line(
        **{key: claim[key] for key in ("id", "where", "statement", "track", "criterion", "reason", "scaled")},
        note=_with_links(claim["note"], ids),
        verdict=claim["verdict"],
        basis=_BASES[claim["basis"]] if claim["basis"] else "",
        totals=[claim["verdict"], *([_held(claim["basis"])] if claim["verdict"] == Code.HOLDS else [])],
        paper=claim["paper"]["text"] or _number(claim["paper"]["value"]),
        measured=_measured(claim["measured"]),
        evidence=claim["paper"]["evidence"],
        cells=[(name, anchor_of(name) if name in cells else "") for name in claim["cells"]],
        parts=[
            Part(part["what"], part["verdict"], part["reason"], _measured(part["measured"])) for part in claim["parts"]
        ],
    )


def _with_links(text: str, ids: Collection[str]) -> Markup:
    def linked(name: re.Match[str]) -> str:
        return f'<a href="#claim:{name[0]}">{name[0]}</a>' if name[0] in ids else name[0]

    return Markup(re.sub(r"\b[A-Z][A-Z0-9]*-?[0-9]+\b", linked, str(escape(text))))


def _number(value: float | None) -> str:
    return "" if value is None else number(value, 3)


def _measured(found: dict[str, Any] | None) -> str:
    """``24.31 [24.10, 24.52], n = 5``."""
    if found is None or found["mean"] is None:
        return ""
    digits = 2 if abs(found["mean"]) >= 10 else 3
    unit = f" {found['unit']}" if found["unit"] else ""
    text = number(found["mean"], digits)
    if found["low"] is not None and found["low"] != found["high"]:
        text += f" [{number(found['low'], digits)}, {number(found['high'], digits)}]"
    return f"{text}{unit}" + (f", n = {found['n']}" if found["n"] > 1 else "")
