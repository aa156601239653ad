"""Who is called best, and when that is more than noise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_fixtures import Made, Page, Run, demo_run, write_cell

from sirenbench.names import changed
from sirenbench.records import RECORD, folder_of, read_record, write_record
from sirenbench.report.cells import read_cells
from sirenbench.report.findings import Finding, findings_of
from sirenbench.report.tables import arms_table

METRICS = ("psnr", "ssim")
DONE = Made(30.0, 0.9)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return demo_run(tmp_path, steps=20)


def found(run: Run, study: str) -> list[Finding]:
    cells = [cell for cell in read_cells(run.collect()) if cell.study == study]
    return findings_of(cells, METRICS, {"cameraman": "Cameraman"}, run.config.studies[study].source)


def rescored(run: Run, name: str, *scores: float) -> None:
    """Other last values of PSNR for the seeds of a cell."""
    path = folder_of(run.results, name) / RECORD
    record = read_record(path)
    replicates = tuple(
        one.model_copy(
            update={"metrics": one.metrics | {"psnr": one.metrics["psnr"].model_copy(update={"last": score})}}
        )
        for one, score in zip(record.replicates, scores, strict=False)
    )
    write_record(path, record.model_copy(update={"replicates": replicates}))


def words(run: Run) -> str:
    """The page's, in which a space is a space."""
    return Page(run.render()).words.replace("\u00a0", " ")


def names(run: Run, study: str) -> dict[str, str]:
    return {spec.arm + (f"-x{spec.factor}" if spec.factor else ""): spec.name for spec in run.cells[study]}


def test_a_lead_beyond_the_noise_is_significant(run: Run) -> None:
    (finding,) = found(run, "fitting")
    psnr, ssim = finding.leads
    assert (finding.where, finding.track, finding.unranked) == ("Cameraman 64²", "as-run", 0)
    assert (psnr.metric, ssim.metric) == METRICS
    assert (psnr.best.label, psnr.second.label, psnr.verdict, psnr.alike) == ("SIREN", "ReLU", "significant", [])
    assert psnr.best.anchor == f"cell:{names(run, 'fitting')['siren']}"


def test_the_margin_is_paired_by_seed(run: Run) -> None:
    """Both vary by decibels from seed to seed, but together."""
    both = names(run, "fitting")
    rescored(run, both["siren"], 30.0, 33.0, 36.0)
    rescored(run, both["relu"], 29.0, 32.1, 34.9)
    (finding,) = found(run, "fitting")
    lead = finding.leads[0]
    assert (lead.best.label, lead.verdict) == ("SIREN", "significant")
    assert (lead.margin.text, lead.margin.half) == ("1.000", "0.248")


def test_a_lead_within_the_noise_is_not_significant_and_names_who_is_as_good(run: Run) -> None:
    both = names(run, "fitting")
    rescored(run, both["siren"], 30.0, 31.0, 32.0)
    rescored(run, both["relu"], 31.0, 29.0, 30.5)
    (finding,) = found(run, "fitting")
    lead = finding.leads[0]
    assert (lead.best.label, lead.verdict, [one.label for one in lead.alike]) == ("SIREN", "not significant", ["ReLU"])


def reseeded(run: Run, index: int, *scores: float) -> None:
    """Another number of seeds of a cell, with these last values of PSNR."""
    spec = changed(run.cells["fitting"][index], replicates=len(scores))
    run.cells["fitting"][index] = spec
    write_cell(run.results, spec, DONE)
    rescored(run, spec.name, *scores)


def test_a_lead_that_the_seeds_in_common_contradict_is_none(run: Run) -> None:
    """Two seeds that the other has not make the mean."""
    reseeded(run, 0, 20.0, 20.0, 20.1, 30.0, 30.0)
    reseeded(run, 1, 21.0, 21.1, 21.0)
    lead = found(run, "fitting")[0].leads[0]
    assert (lead.best.label, lead.margin.text, lead.common) == ("SIREN", "−1.000", "over 3 seeds in common")
    assert (lead.verdict, [one.label for one in lead.alike]) == ("not significant", ["ReLU"])


def test_a_lead_without_a_seed_in_common_is_none(run: Run) -> None:
    run.cells["fitting"][1] = other = changed(run.cells["fitting"][1], seed=10)
    write_cell(run.results, other, DONE)
    lead = found(run, "fitting")[0].leads[0]
    assert (lead.verdict, lead.margin.key, lead.common) == ("not significant", None, "no seed in common")
    page = Page(run.render())
    assert 'data-key="nan"' not in page.html
    assert "dB, before ReLU (no seed in common), not significant" in page.words


def test_one_that_cannot_be_told_from_the_best_is_enough_though_the_next_can(run: Run) -> None:
    """The third by its mean is so uncertain that it may be the first."""
    names_of = names(run, "table1")
    rescored(run, names_of["siren-x4"], 27.0, 27.01, 27.02)
    rescored(run, names_of["siren+pe-x4"], 26.9, 26.91, 26.92)
    rescored(run, names_of["relu+pe-x4"], 20.0, 26.0, 33.0)
    lead = found(run, "table1")[1].leads[0]
    assert (lead.best.label, lead.second.label) == ("SIREN", "SIREN + P.E.")
    assert (lead.verdict, [one.label for one in lead.alike]) == ("significant", ["ReLU + P.E."])
    said = "0.100 ± <0.001 dB ahead of SIREN + P.E., significant (not told from ReLU + P.E.)."
    assert f"PSNR: SIREN is best with 27.010 dB, {said}" in words(run)


def test_of_one_seed_nothing_is_called_best(run: Run) -> None:
    study = run.cells["fitting"]
    for spec in study:
        write_cell(run.results, changed(spec, replicates=1), DONE)
    run.cells["fitting"] = [changed(spec, replicates=1) for spec in study]
    assert found(run, "fitting") == []


def test_cells_that_cannot_be_ranked_are_counted(run: Run) -> None:
    """A seed of one diverged; one failed, one cannot be tested, one is missing."""
    (finding,) = found(run, "first-init")
    assert finding.unranked == 4
    assert finding.leads[0].best.label == "kaiming normal"


def test_baselines_alone_have_no_chance_in_them(run: Run) -> None:
    nearest = changed(run.cells["table1"][-1], arm="nearest")
    write_cell(run.results, nearest, DONE)
    run.cells["table1"] = [run.cells["table1"][-1], nearest]
    (finding,) = found(run, "table1")
    assert finding.leads[0].verdict == "exact"
    assert finding.leads[0].margin.half == ""


def test_a_metric_without_a_direction_has_no_best(run: Run) -> None:
    cells = [cell for cell in read_cells(run.collect()) if cell.study == "fitting"]
    assert findings_of(cells, ["gain"], {}, "") == []


def printed(finding: Finding) -> list[tuple[str, str]]:
    return [(one.cell.label, one.value.printed) for one in finding.leads[0].paper]


def test_the_papers_best_is_that_of_the_same_cells(run: Run) -> None:
    factors = found(run, "table1")
    assert [printed(finding) for finding in factors] == [
        [("Bicubic", "33.203")],
        [("Bicubic", "26.667")],
        [("Bicubic", "22.875")],
    ]


def test_the_papers_numbers_within_the_tolerance_of_its_best_are_not_told_apart(run: Run) -> None:
    """Read off a figure to ±1.5 dB: 49.4, 49.2 and 49.1."""
    (finding,) = found(run, "first-init")
    assert len(printed(finding)) < finding.leads[0].known
    best = ["49.4F (normal)", "49.2F (kaiming normal)", "49.1F (kaiming uniform)"]
    assert f"The paper’s best of these: {', '.join(best)}, not told apart." in words(run)


def test_the_papers_only_number_is_nobodys_lead(run: Run) -> None:
    nearest = changed(run.cells["table1"][-1], arm="nearest")
    write_cell(run.results, nearest, DONE)
    run.cells["table1"] = [run.cells["table1"][-1], nearest]
    assert "The paper: 22.875 (Bicubic)." in words(run)


def test_tracks_are_never_compared(run: Run) -> None:
    """Four frequencies are another track than the study's."""
    fields = {"arm": "relu+pe", "frequencies": 4}
    other = changed(run.cells["fitting"][1], **fields)
    write_cell(run.results, other, DONE)
    rescored(run, other.name, 50.0, 50.1, 50.2)
    run.cells["fitting"].append(other)
    (finding,) = found(run, "fitting")
    assert (finding.track, finding.leads[0].best.label) == ("as-run", "SIREN")


def test_the_page_says_it_for_each_study_and_for_all_together(run: Run) -> None:
    page = Page(run.render())
    assert page.html.index('id="best"') < page.html.index('class="study"')
    assert page.words.count("The paper’s best of these: 26.667 (Bicubic)") == 1
    table = page.html.partition('id="best"')[2].partition("</section>")[0]
    assert table.count("<tr>") == 1 + 5
    for told in (table, page.html.partition('class="study"')[2].partition('id="cells"')[0]):
        assert len(re.findall('class="badge lead-(?:not-)?significant"', told)) >= 5
    assert "One in 20 such comparisons comes out by chance." in page.words
    assert "Super-resolution" in table


def test_metrics_of_a_table_are_those_of_its_blocks(run: Run) -> None:
    cells = [cell for cell in read_cells(run.collect()) if cell.study == "table1"]
    assert arms_table(cells, {}, "").metrics == ["psnr", "ssim"]
