"""What stands in the header, beside a number and with a cell."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_fixtures import Made, Page, Run, demo_run, write_cell

from sirenbench.assets.status import AssetStatus, sha256_of, write_status
from sirenbench.claims.verdicts import Code
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec
from sirenbench.records import RECORD, Scores, folder_of, write_record, write_scores
from sirenbench.report.cells import read_cells
from sirenbench.report.origin import files_of
from sirenbench.report.scores import spreads
from sirenbench.report.tables import curves_table

EVIL = "</pre><script>alert('x')</script>"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return demo_run(tmp_path_factory.mktemp("details"), steps=60)


@pytest.fixture
def small(tmp_path: Path) -> Run:
    """A run of one cell, which is not there yet."""
    fields = {"task": "fit", "image": "cameraman", "size": 64, "arm": "siren", "depth": 1, "width": 8, "steps": 60}
    config = Config(run="small", studies={"study": Study(title="Study", grid=[])})
    return Run(tmp_path, config, {"study": [make_spec(fields)]})


@pytest.mark.parametrize(
    ("psnr", "words"),
    [
        # Student's t with 2 degrees of freedom: 4.303 * 1.5275 / sqrt(3)
        ([30.0, 31.0, 33.0], ["mean 31.3333 ± 3.7946 over 3 seeds, median 31.0000, from 30.0000 to 33.0000"]),
        ([30.0, math.nan, 33.0], ["mean 31.5000 ± 19.0593 over 2 seeds, median 31.5000, from 30.0000 to 33.0000"]),
        ([30.0, math.inf], ["mean ∞ over 2 seeds, median ∞, from 30.0000 to ∞"]),
        ([30.0], []),
    ],
)
def test_the_scores_of_the_seeds_are_told_with_median_and_extremes(
    small: Run, psnr: list[float], words: list[str]
) -> None:
    (spec,) = small.cells["study"]
    record = write_cell(small.results, spec, Made(30.0))
    assert record
    replicates = [
        one.model_copy(update={"diverged": math.isnan(last), "metrics": {"psnr": ends}})
        for one, last in zip(record.replicates, psnr, strict=False)
        for ends in [one.metrics["psnr"].model_copy(update={"last": last})]
    ]
    path = folder_of(small.results, spec.name) / RECORD
    write_record(path, record.model_copy(update={"replicates": tuple(replicates)}))
    assert spreads(read_cells(small.collect())[0]) == [f"PSNR (dB): {line}" for line in words]


def test_a_number_that_the_paper_does_not_print_has_the_letter_of_its_evidence(run: Run, page: Page) -> None:
    cells = read_cells(run.collect())
    found = {}
    for study, source in {"fitting": "Figure 2", "first-init": "Figure 4a", "table1": "Table 1"}.items():
        rows = curves_table([cell for cell in cells if cell.study == study], {}, source).rows
        found[study] = {row.scores["psnr"].against.evidence for row in rows if row.scores["psnr"].against.paper}
    assert found == {"fitting": {"F"}, "first-init": {"F"}, "table1": {""}}
    assert {attrs["title"] for attrs in page.all("abbr")} == {"read off the authors’ figure"}
    assert "R, from the authors’ repository; F, read off the authors’ figure" in page.words


def test_what_a_pointer_is_told_stands_on_the_page_too(run: Run, page: Page) -> None:
    """No keyboard and no paper shows a ``title``: letters are told in the captions, sources with the cells."""
    captions = [text.partition("</caption>")[0] for text in page.html.split("<caption>")[1:]]
    by_study = [text for text in captions if "with its cell" in text]
    assert ["F, read off the authors’ figure." in text for text in by_study] == [True, True, False]
    told = {re.sub(r"\s+", " ", attrs["title"] or "") for _, attrs in page.elements if "title" in attrs}
    assert len(told) > 5
    assert [text for text in told if text not in page.words] == []


def test_why_a_metric_is_lacking_stands_below_the_table(small: Run) -> None:
    small = replace(small, config=small.config.model_copy(update={"metrics": ["psnr@border=4"]}))
    (spec,) = small.cells["study"]
    write_cell(small.results, spec, Made(30.0))
    folder = folder_of(small.results, spec.name)
    scores = Scores(metric="psnr@border=4", values=(), reason="no weights", record_sha256=sha256_of(folder / RECORD))
    write_scores(folder / "metrics/psnr@border=4.json", scores)
    assert "No PSNR (border=4) of 1 cell: no weights" in Page(small.render()).words


def test_a_terminal_is_told_of_a_page_that_is_large(
    small: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small.render()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sirenbench.report.build.LARGE", 10_000)
    small.render()
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\S+/report\.html has 0\.\d MB: a browser may need seconds to open it", line)


def test_the_licences_of_images_and_weights_stand_in_one_table(small: Run) -> None:
    fields = {"task": "sr", "image": "cameraman", "size": 64, "factor": 4, "arm": "siren+vgg", "depth": 1, "width": 8}
    record = write_cell(small.results, make_spec(fields | {"steps": 60}), Made(30.0))
    assert record
    assert record.image
    image = (record.image.asset, record.image.licence, record.image.asset_sha256)
    assert files_of([record], small.results) == [image, ("vgg19", "not known", "")]
    status = AssetStatus("vgg19", "available", "", "/a/file", "12" * 32, "BSD-3-Clause", "an address")
    write_status(small.results / "assets/vgg19.json", status)
    assert files_of([record, record], small.results) == [image, ("vgg19", "BSD-3-Clause", "12" * 32)]


def claim(name: str, verdict: str, basis: str | None) -> dict:
    """A claim as ``claims.json`` has it."""
    words = dict.fromkeys(("where", "statement", "criterion", "reason", "note"), "words")
    paper = {"value": None, "text": "", "evidence": []}
    decided = {"verdict": verdict, "basis": basis, "measured": None}
    lists: dict = {name: [] for name in ("cells", "scaled", "parts")}
    return {"id": name, "group": "all", "track": "as-run", "paper": paper, **words, **decided, **lists}


def test_the_header_counts_the_claims_by_verdict_and_those_that_hold_by_what_they_rest_on(small: Run) -> None:
    small.collect()
    nothing = {code.value: 0 for code in Code}
    totals = nothing | {"holds": 3, "not-testable": 2}
    meanings = dict.fromkeys(nothing, "a meaning")
    claims = [claim(f"C{n}", "holds", basis) for n, basis in enumerate(("own", "no-run", "no-run"))]
    claims += [claim("D", "fails", "own"), claim("E", "not-testable", None)]
    content = {"claims": claims, "groups": {"all": "All"}, "verdicts": meanings, "totals": totals, "evidence": {}}
    (small.folder / "claims.json").write_text(json.dumps(content))
    page = Page(small.render())
    header = Page(page.html[page.html.index("<header") :].partition("</header>")[0] + "</header>")
    assert "claims 3 holds (1 on the paper’s own cells, 2 without a run) 2 not testable Written" in header.words
    for key in ("holds", "holds-own", "holds-no-run"):
        assert f'href="#claims:{key}"' in header.html
        assert [one for one in page.all("li") if (one.get("data-verdict"), one.get("id")) == (key, f"claims:{key}")]
    assert "0 on smaller or other cells" in page.words
    assert [attrs["data-verdict"] for attrs in page.all("tr") if "data-verdict" in attrs] == [
        "holds holds-own",
        "holds holds-no-run",
        "holds holds-no-run",
        "fails",
        "not-testable",
    ]


def test_a_study_says_how_many_seeds_its_cells_have(page: Page) -> None:
    assert page.words.count("3 seeds each") == 3


@pytest.mark.parametrize("state", ["failed", "ok"])
def test_a_failed_cell_shows_the_end_of_its_log_as_text(small: Run, state: str) -> None:
    (spec,) = small.cells["study"]
    write_cell(small.results, spec, Made(30.0, state=state))
    log = small.results / "logs/cells" / f"{spec.name}.log"
    log.parent.mkdir(parents=True)
    log.write_bytes("\n".join([*(f"line {n}" for n in range(40)), EVIL]).encode() + b"\xff")
    page = Page(small.render())
    is_shown = state == "failed"
    assert ("The end of its log" in page.words) == is_shown
    assert ("line 21 line 22" in page.words) == is_shown
    assert (EVIL in page.words) == is_shown
    assert "line 20 " not in page.words
    assert len(page.all("script")) == 2


def test_control_characters_of_a_log_or_a_reason_are_not_on_the_page(small: Run) -> None:
    (spec,) = small.cells["study"]
    write_cell(small.results, spec, Made(0, state="failed", reason="a \x1b[31mred\x00 reason"))
    log = small.results / "logs/cells" / f"{spec.name}.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"a \x1b[1mbold\x00\tline\n")
    html = small.render()
    assert not set(map(chr, range(32))) - set("\t\n") & set(html)
    assert "a [31mred reason" in html
    assert "a [1mbold\tline" in html
