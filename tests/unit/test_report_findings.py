"""Who is called best, and when that is more than noise."""

from __future__ import annotations

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


def test_one_that_cannot_be_told_from_the_best_is_enough_though_the_next_can(run: Run) -> None:
    """The third by its mean is so uncertain that it may be the first."""
    names_of = names(run, "table1")
    rescored(run, names_of["siren-x4"], 27.0, 27.01, 27.02)
    rescored(run, names_of["siren+pe-x4"], 26.9, 26.91, 26.92)
    rescored(run, names_of["relu+pe-x4"], 20.0, 26.0, 33.0)
    lead = found(run, "table1")[1].leads[0]
    assert (lead.best.label, lead.second.label) == ("SIREN", "SIREN + P.E.")
    assert (lead.verdict, [one.label for one in lead.alike]) == ("not significant", ["ReLU + P.E."])


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


def test_the_papers_best_is_that_of_the_same_cells(run: Run) -> None:
    factors = found(run, "table1")
    printed = [finding.leads[0].paper for finding in factors]
    assert [(one.best.label, one.value.printed) for one in printed if one] == [
        ("Bicubic", "33.203"),
        ("Bicubic", "26.667"),
        ("Bicubic", "22.875"),
    ]


def test_tracks_are_never_compared(run: Run) -> None:
    other = changed(run.cells["fitting"][1], lr=1e-3)
    write_cell(run.results, other, DONE)
    run.cells["fitting"].append(other)
    assert [finding.track for finding in found(run, "fitting")] == ["as-run"]


def test_the_page_says_it_for_each_study_and_for_all_together(run: Run) -> None:
    page = Page(run.render())
    assert page.html.index('id="best"') < page.html.index('class="study"')
    assert page.words.count("The paper’s best of these: Bicubic 26.667") == 1
    assert page.words.count("significant") >= 5
    table = page.html.partition('id="best"')[2].partition("</section>")[0]
    assert table.count("<tr>") == 1 + 5
    assert "Super-resolution" in table


def test_metrics_of_a_table_are_those_of_its_blocks(run: Run) -> None:
    cells = [cell for cell in read_cells(run.collect()) if cell.study == "table1"]
    assert arms_table(cells, {}, "").metrics == ["psnr", "ssim"]
