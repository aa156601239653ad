"""The paper's claims and what became of them, from ``claims.json``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirenbench.claims.verdicts import FILE, Code
from sirenbench.report.cells import anchor_of
from sirenbench.report.text import number

WORDS = {
    Code.HOLDS: "holds",
    Code.FAILS: "fails",
    Code.REFUTED: "refuted by the paper itself",
    Code.INCONCLUSIVE: "inconclusive",
    Code.NOT_TESTABLE: "not testable",
}


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
    cells
        Name and anchor of each cell that the verdict rests on.
    """

    id: str
    where: str
    statement: str
    track: str
    paper: str
    criterion: str
    verdict: str
    reason: str
    measured: str
    evidence: list[str]
    cells: list[tuple[str, str]]
    scaled: list[str]
    parts: list[Part]
    note: str


@dataclass(frozen=True)
class Group:
    """Claims on one subject; ``tally`` tells how many came to which verdict: ``9 holds, 1 inconclusive``."""

    title: str
    tally: str
    lines: list[Line]


@dataclass(frozen=True)
class Scorecard:
    """All claims, by group, and how many came to which verdict.

    Attributes
    ----------
    totals
        Verdict, its word, its meaning, and how many.
    evidence
        Letter -> the kind of evidence that it stands for.
    """

    totals: list[tuple[str, str, str, int]]
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
    lines = [(claim["group"], _line(claim, cells)) for claim in content["claims"]]
    found = {title: [line for of, line in lines if of == group] for group, title in content["groups"].items()}
    groups = [Group(title, _tally(of_group), of_group) for title, of_group in found.items() if of_group]
    totals = [
        (code.value, WORDS[code], content["verdicts"][code.value], content["totals"][code.value]) for code in Code
    ]
    return Scorecard(totals, groups, content["evidence"])


def _tally(lines: list[Line]) -> str:
    counts = Counter(line.verdict for line in lines)
    return ", ".join(f"{counts[code.value]} {word}" for code, word in WORDS.items() if counts[code.value])


def _line(claim: dict[str, Any], cells: Collection[str]) -> Line:
    return Line(
        **{key: claim[key] for key in ("id", "where", "statement", "track", "criterion", "reason", "scaled", "note")},
        verdict=claim["verdict"],
        paper=claim["paper"]["text"] or _number(claim["paper"]["value"]),
        measured=_measured(claim["measured"]),
        evidence=claim["paper"]["evidence"],
        cells=[(name, anchor_of(name) if name in cells else "") for name in claim["cells"]],
        parts=[
            Part(part["what"], part["verdict"], part["reason"], _measured(part["measured"])) for part in claim["parts"]
        ],
    )


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
