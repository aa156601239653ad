"""What a claim is: what the paper says and where, what it is held to, and what its own evidence says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from sirenbench.claims.evidence import PaperNumber
from sirenbench.claims.trials import Trial
from sirenbench.config.base import Block
from sirenbench.spec import Track

Group = Literal[
    "findings",
    "deviation",
    "setup",
    "fitting",
    "poisson",
    "first-layer",
    "hidden-layers",
    "omega",
    "table-1",
    "super-resolution",
    "figures",
    "conclusions",
]
GROUPS: dict[Group, str] = {
    "findings": "What has to be known first",
    "deviation": "What is described and what was run",
    "setup": "Set-up and background",
    "fitting": "Image fitting",
    "poisson": "Poisson reconstruction",
    "first-layer": "Initialisation of the first layer",
    "hidden-layers": "Initialisation of the hidden layers",
    "omega": "ω0",
    "table-1": "Numbers of Table 1",
    "super-resolution": "Super-resolution",
    "figures": "Figures 6 and S5 to S9, Table S1",
    "conclusions": "Abstract and conclusions",
}
Prior = Literal["supports", "contradicts", "partly", "none"]
# What a number of the paper rests on.
EVIDENCE = {
    "P": "printed in the paper",
    "R": "the authors' result tables",
    "F": "read off the authors' figures",
    "N": "the authors' code",
    "A": "follows from formulas",
    "M": "measured while the protocol was worked out",
}


def _letters(text: str) -> str:
    if not set(text) <= EVIDENCE.keys():
        raise ValueError(f"each letter is one of {', '.join(f'{key} ({what})' for key, what in EVIDENCE.items())}")
    return text


Evidence = Annotated[str, AfterValidator(_letters)]

Number = Annotated[int | float, Field(allow_inf_nan=False)]


class Numbers(Block):
    """Some of the paper's numbers, by the term that they are of."""

    where: str = Field(description="Figure or table.")
    evidence: Evidence = Field(description=f"What they rest on: {', '.join(f'{k}: {v}' for k, v in EVIDENCE.items())}.")
    each: dict[str, list[Any]] = Field(
        default_factory=dict, description="Names with values: {name} in a term takes each; the numbers are then lists."
    )
    of: dict[str, Number | list[Number]] = Field(description="Term -> number.")


class ClaimText(Block):
    """A claim as it is written in the file."""

    where: str = Field(description="Section, figure or table of the paper.")
    says: str = Field(min_length=1, description="The claim, in our own words.")
    track: Track = Field("as-run", description="The protocol that it is about.")
    paper: str = Field(
        "", description="The paper's own numbers for it, in words; those of 'near' need not be repeated."
    )
    evidence: Evidence = Field("", description="What the paper's side rests on.")
    prior: Prior = Field("none", description="What the authors' own evidence says of it.")
    each: dict[str, list[Any]] = Field(
        default_factory=dict, description="Names with values: one claim for each, with {name} replaced in id and texts."
    )
    test: Any = Field(
        description="What it is held to: a predicate, or several tests of which the first that can be made counts."
    )
    note: str = Field("", description="What a reader should know besides.")


@dataclass(frozen=True)
class Claim:
    """A claim that was read and checked; ``number`` is the one number of the paper that it is about, if it is so."""

    id: str
    group: Group
    text: ClaimText
    trial: Trial
    number: PaperNumber | None


@dataclass(frozen=True)
class Claims:
    """All claims of a file.

    Attributes
    ----------
    claims
        By id, in the order of the file.
    numbers
        The paper's numbers, by the text of their quantity.
    """

    claims: Mapping[str, Claim]
    numbers: Mapping[str, PaperNumber]

    def in_order(self) -> list[Claim]:
        """Every claim after those that it rests on."""
        done: dict[str, Claim] = {}

        def add(claim: Claim) -> None:
            for needed in claim.trial.needed_claims():
                if needed not in done:
                    add(self.claims[needed])
            done[claim.id] = claim

        for claim in self.claims.values():
            add(claim)
        return list(done.values())
