"""The claims of the paper as they are listed in config/claims.yaml, and what a file of claims can get wrong."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest
from report_fixtures import Made, demo_run, write_cell

from sirenbench.claims.evidence import RunEvidence
from sirenbench.claims.facts import FACTS
from sirenbench.claims.judge import judge
from sirenbench.claims.load import load_claims
from sirenbench.claims.model import GROUPS, Claims, Group
from sirenbench.claims.predicates import PREDICATES
from sirenbench.claims.verdicts import MEANING, Code, Verdict
from sirenbench.config.grid import paper_cell
from sirenbench.config.load import load
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.config.yaml import read_yaml
from sirenbench.errors import Mistakes
from sirenbench.names import changed, parse_name

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config/claims.yaml"
NOTES = ROOT.parent / "shared/notes/claims.md"


@pytest.fixture(scope="module")
def claims() -> Claims:
    return load_claims(FILE)


def test_every_claim_is_there(claims: Claims) -> None:
    """Claims.md, section 14: set-up 23, deviations 22, fitting 14 ... 272 in all."""
    counts = {
        "findings": 10,
        "deviation": 22,
        "setup": 23,
        "fitting": 14,
        "poisson": 12,
        "first-layer": 17,
        "hidden-layers": 17,
        "omega": 13,
        "table-1": 72,
        "super-resolution": 24,
        "figures": 37,
        "conclusions": 11,
    }
    assert Counter(claim.group for claim in claims.claims.values()) == counts
    assert len(claims.claims) == 272


@pytest.mark.skipif(not NOTES.exists(), reason="the notes are not beside the repository")
def test_the_claims_are_those_of_the_notes_each_once(claims: Claims) -> None:
    text = NOTES.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z]+\d?\d?-?\d*) \|", text, re.M)
    listed = [row for row in rows if re.fullmatch(r"X\d+|[A-Z]+\d*-\d+", row)]
    table = re.findall(r"^(camera|div2k49),(\d),(psnr|ssim),(\w+),", text, re.M)
    listed += [f"T1-{image}-x{factor}-{metric}-{arm}" for image, factor, metric, arm in table]
    assert len(listed) == len(set(listed)) == 272
    assert set(claims.claims) == set(listed)


def test_groups_and_verdicts_have_words() -> None:
    assert list(GROUPS) == list(get_args(Group))
    assert list(MEANING) == list(Code)


def test_every_cell_is_the_papers_own(claims: Claims) -> None:
    """Canonical names, and nothing in them that is no matter of protocol: seeds, how often scores are taken."""
    cells = {cell for claim in claims.claims.values() for cell in claim.trial.cells()}
    assert len(cells) > 150
    for cell in cells:
        assert parse_name(cell.name) == cell
        assert paper_cell(cell, {}) == cell


def test_the_papers_configuration_runs_every_cell_that_a_claim_needs(claims: Claims) -> None:
    paper = load([ROOT / "config/assets.yaml", ROOT / "config/paper.yaml"])
    run = {
        paper_cell(spec, paper.config.studies[study].reference).name
        for study, specs in paper.cells.items()
        for spec in specs
    }
    needed = {cell.name for claim in claims.claims.values() for cell in claim.trial.cells()}
    assert needed - run == set()


def test_the_numbers_are_those_that_the_report_shows(claims: Claims) -> None:
    """The report has a table of the paper's numbers of its own; where both have one it is the same."""
    text = (resources.files("sirenbench.report") / "data" / "paper.csv").read_text(encoding="utf-8")
    shared = 0
    for row in csv.DictReader(text.splitlines()):
        mine = claims.numbers.get(f"{row['name']} {row['metric']}")
        if mine and mine.where.partition(",")[0] == row["source"]:
            assert mine.value == float(row["printed"]), row["name"]
            shared += 1
    assert shared > 90


def test_every_predicate_and_every_fact_is_used() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert [name for name in PREDICATES if f"{name}:" not in text] == []
    assert [name for name in FACTS if f"fact: {name}}}" not in text] == []


def test_statements_are_short_and_each_is_said_once(claims: Claims) -> None:
    said = [(claim.text.where, claim.text.says) for claim in claims.claims.values()]
    assert len(set(said)) == len(said)
    assert [says for _, says in said if len(says) > 160 or not says.endswith(".")] == []


# What is decided without any run (claims.md, section 14).


@pytest.fixture(scope="module")
def without_a_run(claims: Claims, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Code]:
    empty = judge(claims, Config(run="empty"), {}, tmp_path_factory.mktemp("results"))
    return {one.claim.id: one.verdict.code for one in empty}


REFUTED = ("THE-04", "IN1-07", "INH-07", "SR-01", "SR-07", "CON-06", "SR-09", "SR-19", "SR-20", "TS1-07", "DEV-17")


@pytest.mark.parametrize("name", REFUTED)
def test_the_paper_refutes_these_itself(without_a_run: dict[str, Code], name: str) -> None:
    assert without_a_run[name] is Code.REFUTED


@pytest.mark.parametrize("name", ["X1", "X8", "X9", "X10", "THE-09", "FIT-06", "POI-05", "SET-01", "THE-02", "INH-13"])
def test_these_are_confirmed_exactly(without_a_run: dict[str, Code], name: str) -> None:
    assert without_a_run[name] is Code.HOLDS


def test_nothing_that_needs_training_is_decided_without_a_run(claims: Claims, without_a_run: dict[str, Code]) -> None:
    """Findings and laws have a test that needs no run for a second; whoever has cells alone stays open."""
    for name, claim in claims.claims.items():
        code = without_a_run[name]
        if claim.group in ("table-1", "fitting", "figures") and claim.trial.cells():
            assert code is Code.NOT_TESTABLE, name
        assert code is not Code.INCONCLUSIVE, name


@pytest.mark.parametrize("name", ["S7-06", "S8-02", "S8-08"])
def test_the_combination_is_judged_with_real_sines(claims: Claims, name: str) -> None:
    """What the paper shows under this name is a ReLU network (X6)."""
    trial = claims.claims[name].trial
    cells = trial.cells() or claims.claims[trial.needed_claims()[0]].trial.cells()
    assert {cell.arm for cell in cells} == {"siren", "siren+pe+vgg"}


def flattened(verdict: Verdict) -> list[tuple[str, Verdict]]:
    parts = [deeper for _, part in verdict.parts for deeper in flattened(part)]
    return parts or [("", verdict)]


def test_no_claim_holds_by_one_seed(claims: Claims, tmp_path: Path) -> None:
    """Whatever its predicate: by the demo's cells, trained with one seed each."""
    run = demo_run(tmp_path, steps=60)
    for study, specs in run.cells.items():
        run.cells[study] = [spec if spec.is_baseline else changed(spec, replicates=1) for spec in specs]
        for spec in run.cells[study]:
            if not spec.is_baseline:
                write_cell(run.results, spec, Made(30.0 if spec.arm.startswith("siren") else 12.0, 0.9))
    judged = judge(claims, run.config, run.cells, run.results)
    baselines = {spec.name for specs in run.cells.values() for spec in specs if spec.is_baseline}
    trained = [one for one in judged if set(one.verdict.cells) - baselines]
    assert len(trained) > 20
    assert [one.claim.id for one in trained if one.verdict.code is Code.HOLDS] == []


@pytest.mark.parametrize("name", ["SR-16", "SR-21", "S7-07"])
def test_what_is_told_by_how_images_look_rests_on_every_seed(claims: Claims, tmp_path: Path, name: str) -> None:
    cells = {spec.name: spec for spec in claims.claims[name].trial.cells()}
    for spec in cells.values():
        write_cell(tmp_path, spec, Made(30.0, final=True, steps=20))
    config = Config(run="one", studies={"one": Study(title="One", grid=[])})
    verdict = claims.claims[name].trial.judge(RunEvidence(config, {"one": list(cells.values())}, tmp_path, {}, {}))
    assert set(verdict.cells) == cells.keys()
    found = [part.measured for _, part in flattened(verdict)]
    without_chance = {1} if name == "SR-21" else set()  # SRGAN against bicubic interpolation
    assert {measured and measured.n for measured in found} == {5} | without_chance


# Mistakes.

GOOD = """
cells: {siren: fit/cameraman-256/siren-2x256, relu: fit/cameraman-256/relu-2x256}
numbers:
  - {where: Figure 2, evidence: F, of: {siren psnr: 55.8}}
claims:
  fitting:
    LEAD:
      where: Figure 2
      says: It is better.
      test: TEST
"""


def mistakes_of(tmp_path: Path, test: str, text: str = GOOD) -> list[str]:
    path = tmp_path / "claims.yaml"
    path.write_text(text.replace("TEST", test), encoding="utf-8")
    try:
        load_claims(path)
    except Mistakes as error:
        return [f"{mistake.key}: {mistake.message}" for mistake in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("test", "key", "words"),
    [
        ("{greater_bye: {more: siren, less: relu}}", "test", ["'greater_bye'", "did you mean 'greater_by'?"]),
        ("{greater_by: {more: siren, less: relu}, flat: {of: siren}}", "test", ["2 predicates instead of one"]),
        ("greater", "test", ["a test is one predicate"]),
        ("{greater_by: {more: siren}}", "test.greater_by.less", ["is missing"]),
        ("{greater_by: {more: siren, less: relu, margn: 1}}", "test.greater_by.margn", ["did you mean 'margin'?"]),
        ("{greater_by: {more: siren, less: relu, margin: 1, factor: 2}}", "test.greater_by", ["not both"]),
        ("{greater_by: {more: sirn, less: relu}}", "test.greater_by.more", ["did you mean 'siren'?"]),
        ("{greater_by: {more: siren pnsr, less: relu}}", "test.greater_by.more", ["did you mean 'psnr'?"]),
        ("{greater_by: {more: siren psnr tial, less: relu}}", "test.greater_by.more", ["did you mean 'tail'?"]),
        ("{greater_by: {more: siren psnr at x, less: relu}}", "test.greater_by.more", ["at <step>"]),
        (
            "{greater_by: {more: siren firt_init=normal, less: 3}}",
            "test.greater_by.more",
            ["did you mean 'first_init'"],
        ),
        ("{greater_by: {more: siren first_init=norm, less: 3}}", "test.greater_by.more", ["did you mean 'normal'?"]),
        ("{greater_by: {more: fit/a-256/siren, less: 3}}", "test.greater_by.more", ["lacks its depth and width"]),
        ("{greater_by: {more: [], less: 3}}", "test.greater_by.more", ["at least one term"]),
        ("{near: {of: siren, by: -1}}", "test.near.by", ["greater than 0"]),
        ("{near: {of: relu, by: 1}}", "test.near", ["no number of the paper"]),
        ("{within: {of: siren}}", "test.within", ["a bound is lacking"]),
        ("{within: {of: siren, low: 3, high: 2}}", "test.within", ["low 3 is above high 2"]),
        ("{equivalent: {terms: [siren, relu]}}", "test.equivalent", ["give a margin or a factor"]),
        ("{equivalent: {terms: [siren], margin: 1}}", "test.equivalent.terms", ["at least 2"]),
        ("{ordering: {terms: [siren]}}", "test.ordering.terms", ["at least 2"]),
        ("{drawdown: {of: siren}}", "test.drawdown", ["give less_than or more_than"]),
        ("{drawdown: {of: siren, less_than: 1, during: 9-3%}}", "test.drawdown.during", ["50-100%"]),
        ("{drawdown: {of: siren psnr, less_than: 1}}", "test.drawdown.of", ["a cell is wanted"]),
        ("{collapsed: {of: siren, share: 2}}", "test.collapsed.share", ["less than or equal to 1"]),
        ("{flat: {off: siren}}", "test.flat.off", ["did you mean 'of'?"]),
        ("{faster_to: {fast: siren, slow: relu}}", "test.faster_to.level", ["is missing"]),
        ("{faster_to: {fast: siren, slow: relu, level: 3, metric: x}}", "test.faster_to.metric", ["'x' is not known"]),
        ("{distribution: {of: siren, stages: [mid 1], ks: [0, 1]}}", "test.distribution.stages[0]", ["allowed"]),
        ("{distribution: {of: siren, stages: [pre 1], ks: [0]}}", "test.distribution.ks[1]", ["is missing"]),
        ("{exact: {fact: the_paper_network}}", "test.exact.fact", ["did you mean 'the_papers_network'?"]),
        ("{static: {described: a}}", "test.static.run", ["is missing"]),
        ("{static: {near: {of: x}}}", "test.static.near.of", ["no cell is called 'x'"]),
        ("{untestable: {because: ''}}", "test.untestable.because", ["at least 1 character"]),
        ("{all_of: []}", "test.all_of", ["a list of claims and tests"]),
        ("{all_of: [LAED]}", "test", ["no claim is named 'LAED'", "did you mean 'LEAD'?"]),
        ("{all_of: [LEAD]}", "test", ["rests on itself"]),
        ("{for: {x: [1]}, flat: {of: siren}}", "test.for.x", ["is not used"]),
        ("{for: [x], flat: {of: siren}}", "test.for", ["names with a list of values"]),
        ("{for: {x: [siren, relu]}, at_least: 3, flat: {of: '{x}'}}", "test.at_least", ["from 1 to 2"]),
        ("{for: {x: [siren]}, flat: {of: '{y}'}}", "test.for.x", ["is not used"]),
        ("[{flat: {of: siren}}, {flat: {of: sirn}}]", "test[1].flat.of", ["did you mean 'siren'?"]),
    ],
)
def test_a_mistake_in_a_test_is_told_with_its_place_and_what_is_allowed(
    tmp_path: Path, test: str, key: str, words: list[str]
) -> None:
    found = mistakes_of(tmp_path, test)
    assert [line for line in found if line.startswith(f"claims.fitting.LEAD.{key}: ")], found
    for word in words:
        assert any(word in line for line in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("relu-2x256", "relu-2x256/lr=0.0001").replace("siren psnr: 55.8", "siren psnr tial: 55.8")
    found = mistakes_of(tmp_path, "{flat: {of: sirn}}", text)
    assert [line.partition(":")[0] for line in found] == [
        "cells.relu",
        "numbers[0].of.siren psnr tial",
        "claims.fitting.LEAD.test.flat.of",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  fitting:", "  fiting:", "did you mean 'fitting'?"),
        ("says: It", "sais: It", "did you mean 'says'?"),
        ("evidence: F", "evidence: Z", "each letter is one of P (printed in the paper)"),
        ("of: {siren psnr: 55.8}", "of: {siren psnr: [1, 2]}", "2 numbers for 1 terms"),
        ("of: {siren psnr: 55.8}", "of: {siren psnr: 55.8, siren: 3}", "has a number already"),
        ("where: Figure 2\n", "where: Figure 2\n      each: {x: [1, 2]}\n", "{x} is not in the id"),
        ("where: Figure 2\n", "where: Figure 2\n      prior: yes\n", "allowed: supports, contradicts, partly, none"),
    ],
)
def test_a_mistake_around_the_tests_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    found = mistakes_of(tmp_path, "{flat: {of: siren}}", GOOD.replace(old, new))
    assert any(words in line for line in found), found


def test_the_file_is_not_changed_by_reading_it(tmp_path: Path) -> None:
    """What is wrong on purpose above is right without it."""
    assert mistakes_of(tmp_path, "{flat: {of: siren}}") == []
    assert read_yaml(tmp_path / "claims.yaml")["claims"]["fitting"]["LEAD"]["where"] == "Figure 2"
