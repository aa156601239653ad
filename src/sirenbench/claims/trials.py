"""The test of a claim: a predicate, or several of them put together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import ValidationError

from sirenbench.claims.evidence import Evidence
from sirenbench.claims.predicates import PREDICATES
from sirenbench.claims.predicates.base import Predicate
from sirenbench.claims.predicates.settled import Described
from sirenbench.claims.verdicts import Code, Verdict, together
from sirenbench.config.messages import mistake
from sirenbench.errors import Mistake, allowed, shown
from sirenbench.spec import CellSpec

_ALL, _STATIC = "all_of", "static"
_AROUND = ("for", "at_least")
_SPELT_OUT = 3  # parts of a criterion
_FORM = "a test is one predicate with its arguments, as in {greater_by: {more: siren, less: relu}}"


class Trial(Protocol):
    """What puts a claim to the test."""

    def cells(self) -> list[CellSpec]:
        """The paper's cells that it needs."""

    def needed_claims(self) -> list[str]:
        """The claims that must be judged before."""

    def criterion(self) -> str:
        """When the claim holds, in words."""

    def judge(self, evidence: Evidence) -> Verdict:
        """The verdict."""


@dataclass(frozen=True)
class OtherClaim:
    """Another claim stands for this one, or for a part of it."""

    claim: str

    def cells(self) -> list[CellSpec]:
        return []

    def needed_claims(self) -> list[str]:
        return [self.claim]

    def criterion(self) -> str:
        return self.claim

    def judge(self, evidence: Evidence) -> Verdict:
        return replace(evidence.verdict(self.claim), parts=())


class _Several:
    """Trials that are put together."""

    def trials(self) -> Iterable[Trial]:
        raise NotImplementedError

    def cells(self) -> list[CellSpec]:
        return [cell for trial in self.trials() for cell in trial.cells()]

    def needed_claims(self) -> list[str]:
        return [claim for trial in self.trials() for claim in trial.needed_claims()]


@dataclass(frozen=True)
class All(_Several):
    """All parts must hold, or ``at_least`` so many.

    Attributes
    ----------
    parts
        What each is, and its trial.
    """

    parts: tuple[tuple[str, Trial], ...]
    at_least: int | None = None

    def trials(self) -> Iterable[Trial]:
        return [trial for _, trial in self.parts]

    def criterion(self) -> str:
        said = [trial.criterion() for trial in self.trials()]
        if len(said) > _SPELT_OUT:
            said = [said[0], f"so for {len(said) - 1} more"]
        text = " and ".join(said)
        return text if self.at_least is None else f"{text}; at least {self.at_least} of {len(self.parts)}"

    def judge(self, evidence: Evidence) -> Verdict:
        return together([(what, trial.judge(evidence)) for what, trial in self.parts], self.at_least)


@dataclass(frozen=True)
class FirstThatCan(_Several):
    """The first trial that can be made at all decides."""

    of: tuple[Trial, ...]

    def trials(self) -> Iterable[Trial]:
        return self.of

    def criterion(self) -> str:
        return "; else ".join(trial.criterion() for trial in self.of)

    def judge(self, evidence: Evidence) -> Verdict:
        verdicts = [trial.judge(evidence) for trial in self.of]
        return next((verdict for verdict in verdicts if verdict.code is not Code.NOT_TESTABLE), verdicts[0])


@dataclass(frozen=True)
class OnPaper(_Several):
    """A trial that the paper's own numbers decide: what fails by them is refuted."""

    trial: Trial

    def trials(self) -> Iterable[Trial]:
        return [self.trial]

    def cells(self) -> list[CellSpec]:
        return []

    def criterion(self) -> str:
        return f"without a run: {self.trial.criterion()}"

    def judge(self, evidence: Evidence) -> Verdict:
        return _refuted(self.trial.judge(evidence.of_paper))


def _refuted(verdict: Verdict) -> Verdict:
    code = Code.REFUTED if verdict.code is Code.FAILS else verdict.code
    parts = tuple((what, _refuted(part)) for what, part in verdict.parts)
    return replace(verdict, code=code, parts=parts)


@dataclass
class Reader:
    """Reads tests, and keeps every mistake that it finds.

    Attributes
    ----------
    context
        What terms are read with: ``vocabulary`` and ``numbers``.
    """

    where: str
    context: Mapping[str, Any]
    mistakes: list[Mistake]

    def read(self, raw: object, key: str) -> Trial | None:
        """The trial of what stands under a key; None if anything is wrong with it."""
        if isinstance(raw, list) and raw:
            tried = [self.read(one, f"{key}[{index}]") for index, one in enumerate(raw)]
            return FirstThatCan(tuple(trial for trial in tried if trial)) if all(tried) else None
        if not isinstance(raw, dict):
            return self._wrong(key, f"{shown(raw)}: {_FORM}")
        names = [name for name in raw if name not in _AROUND]
        known = [*PREDICATES, _ALL, _STATIC]
        if len(names) != 1 or names[0] not in known:
            odd = next((name for name in names if name not in known), None)
            text = f"no predicate is called {shown(odd)}" if odd else f"{len(names)} predicates instead of one"
            return self._wrong(key, f"{text}; {allowed([*known, *_AROUND], odd)}; {_FORM}")
        body = {names[0]: raw[names[0]]}
        trial = self._each(body, raw["for"], key) if "for" in raw else self._one(body, key)
        if trial is None or "at_least" not in raw:
            return trial
        most = len(trial.parts) if isinstance(trial, All) else 1
        need = raw["at_least"]
        if not isinstance(trial, All) or not isinstance(need, int) or not 1 <= need <= most:
            return self._wrong(f"{key}.at_least", f"{shown(need)}: a whole number from 1 to {most}, that of the parts")
        return replace(trial, at_least=need)

    def _each(self, body: dict[str, Any], loops: object, key: str) -> Trial | None:
        if not isinstance(loops, dict) or not all(isinstance(v, list) and v for v in loops.values()):
            return self._wrong(f"{key}.for", f"{shown(loops)}: names with a list of values each")
        parts = []
        for combination in itertools.product(*loops.values()):
            words = {name: str(value) for name, value in zip(loops, combination, strict=True)}
            if unused := [name for name in words if f"{{{name}}}" not in str(body)]:
                return self._wrong(f"{key}.for.{unused[0]}", f"is not used; write {{{unused[0]}}} where it belongs")
            trial = self._one(filled(body, words), key)
            if trial is None:
                return None
            told = (
                value if isinstance(value, str) else f"{name} {value}"
                for name, value in zip(loops, combination, strict=True)
            )
            parts.append((", ".join(told), trial))
        return All(tuple(parts))

    def _one(self, body: dict[str, Any], key: str) -> Trial | None:
        ((name, arguments),) = body.items()
        place = f"{key}.{name}"
        if name == _ALL:
            return self._all(arguments, place)
        if name == _STATIC:
            return self._static(arguments, place)
        return self._predicate(PREDICATES[name], arguments, place)

    def _all(self, items: object, key: str) -> Trial | None:
        if not isinstance(items, list) or not items:
            return self._wrong(key, f"{shown(items)}: a list of claims and tests")
        parts = [
            (item, OtherClaim(item)) if isinstance(item, str) else ("", self.read(item, f"{key}[{index}]"))
            for index, item in enumerate(items)
        ]
        good = tuple((what or trial.criterion(), trial) for what, trial in parts if trial)
        return All(good) if len(good) == len(parts) else None

    def _static(self, arguments: object, key: str) -> Trial | None:
        if isinstance(arguments, dict) and {"described", "run"} & arguments.keys():
            return self._predicate(Described, arguments, key)
        trial = self.read(arguments, key)
        return OnPaper(trial) if trial else None

    def _predicate(self, kind: type[Predicate], arguments: object, key: str) -> Predicate | None:
        try:
            return kind.model_validate(arguments, context=dict(self.context))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                found = mistake(detail, lambda *_: self.where, kind)
                self.mistakes.append(replace(found, key=f"{key}.{found.key}" if found.key else key))
            return None

    def _wrong(self, key: str, message: str) -> Trial | None:
        self.mistakes.append(Mistake(self.where, key, message))
        return None


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """The same with ``{name}`` replaced in every text."""
    match value:
        case str():
            for name, word in words.items():
                value = value.replace(f"{{{name}}}", word)
            return value
        case list():
            return [filled(one, words) for one in value]
        case dict():
            return {key: filled(one, words) for key, one in value.items()}
    return value
