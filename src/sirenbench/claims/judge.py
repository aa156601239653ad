"""Judging all claims on the finished cells of a run, and writing ``claims.json`` for the report."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirenbench import catalog
from sirenbench.claims.evidence import RunEvidence
from sirenbench.claims.load import CLAIMS, load_claims
from sirenbench.claims.model import EVIDENCE, GROUPS, Claim, Claims
from sirenbench.claims.verdicts import BASES, FILE, MEANING, Code, Measured, Verdict
from sirenbench.config.model import Config
from sirenbench.records import write_text
from sirenbench.spec import CellSpec

SCHEMA = 1


@dataclass(frozen=True)
class Judged:
    """A claim and the verdict on it."""

    claim: Claim
    verdict: Verdict


def judge(claims: Claims, config: Config, cells: Mapping[str, Sequence[CellSpec]], results: Path) -> list[Judged]:
    """The verdict on every claim, in the order of the file.

    Parameters
    ----------
    cells
        The cells of each study, as :func:`sirenbench.collect.collect` takes them.
    results
        Where the cells' folders lie.
    """
    verdicts: dict[str, Verdict] = {}
    evidence = RunEvidence(config, cells, results, claims.numbers, verdicts)
    for claim in claims.in_order():
        verdicts[claim.id] = claim.trial.judge(evidence)
    return [Judged(claim, verdicts[claim.id]) for claim in claims.claims.values()]


def write_claims(
    config: Config,
    cells: Mapping[str, Sequence[CellSpec]],
    results: Path,
    folder: Path,
    path: Path = CLAIMS,
) -> None:
    """Judge the claims of ``path`` and write ``claims.json`` to ``folder``."""
    judged = judge(load_claims(path), config, cells, results)
    content = as_json(config.run, judged, cells)
    write_text(folder / FILE, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def as_json(run: str, judged: Sequence[Judged], cells: Mapping[str, Sequence[CellSpec]]) -> dict[str, Any]:
    """The content of ``claims.json`` (docs/claims.md describes it); ``cells`` are those of each study."""
    found = Counter(one.verdict.code for one in judged)
    shown = {study: {spec.name for spec in specs} for study, specs in cells.items()}
    return {
        "schema": SCHEMA,
        "run": run,
        "totals": {code.value: found[code] for code in Code},
        "verdicts": {code.value: MEANING[code] for code in Code},
        "bases": {basis.value: meaning for basis, meaning in BASES.items()},
        "groups": GROUPS,
        "evidence": EVIDENCE,
        "claims": [_record(one, shown) for one in judged],
    }


def _record(one: Judged, shown: Mapping[str, set[str]]) -> dict[str, Any]:
    claim, text = one.claim, one.claim.text
    specs = {cell.name: cell for cell in claim.trial.cells()}
    number = claim.number
    return {
        "id": claim.id,
        "group": claim.group,
        "where": text.where,
        "statement": text.says,
        "track": text.track,
        "paper": {
            "value": number.value if number else None,
            "text": text.paper,
            "evidence": list(text.evidence or (number.evidence if number else "")),
        },
        "prior": text.prior,
        "criterion": claim.trial.criterion(),
        "test": text.test,
        **_verdict(one.verdict),
        "basis": one.verdict.basis,
        "cells": list(one.verdict.cells),
        "scaled": list(one.verdict.scaled),
        "studies": [study for study, names in shown.items() if not names.isdisjoint(one.verdict.cells)],
        "paper_cells": list(specs),
        "needs": sorted({asset for spec in specs.values() for asset in catalog.assets_of(spec)}),
        "images": sorted({spec.image for spec in specs.values()}),
        "rests_on": claim.trial.needed_claims(),
        "parts": [{"what": what, **_verdict(part)} for what, part in _flat(one.verdict)],
        "note": text.note,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"verdict": verdict.code.value, "reason": verdict.reason, "measured": _measured(verdict.measured)}


def _flat(verdict: Verdict) -> list[tuple[str, Verdict]]:
    """The parts, and the parts of parts in their place."""
    flat = []
    for what, part in verdict.parts:
        inner = [(f"{what}: {name}" if what else name, deeper) for name, deeper in _flat(part)]
        flat += inner or [(what, part)]
    return flat


def _measured(measured: Measured | None) -> dict[str, Any] | None:
    """Seven digits: more would depend on the machine."""
    if measured is None:
        return None
    numbers = {name: getattr(measured, name) for name in ("mean", "low", "high")}
    finite = {name: float(f"{value:.7g}") if math.isfinite(value) else None for name, value in numbers.items()}
    return finite | {"n": measured.n, "unit": measured.unit}
