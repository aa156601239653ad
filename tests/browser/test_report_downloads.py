"""What a reader takes away from the page: all results, and every table as CSV, JSON, LaTeX and Markdown."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from markdown_it import MarkdownIt
from opening import opened
from playwright.sync_api import Browser, Page, expect
from report_fixtures import SCHEMES, Made, Run, write_cell

from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec

SUFFIXES = {"LaTeX": "tex", "Markdown": "md"}


def test_all_results_are_downloaded_as_csv_and_json(page: Page, tmp_path: Path) -> None:
    rows = {}
    for kind, read in (("CSV", lambda text: list(csv.DictReader(io.StringIO(text)))), ("JSON", json.loads)):
        with page.expect_download() as download:
            page.locator(f'[data-download="{kind}"]').click()
        assert download.value.suggested_filename == f"demo.{kind.lower()}"
        download.value.save_as(tmp_path / kind)
        rows[kind] = read((tmp_path / kind).read_text(encoding="utf-8"))
    assert len(rows["CSV"]) == len(rows["JSON"]) > 30
    first, same = rows["CSV"][0], rows["JSON"][0]
    assert (first["name"], float(first["last"])) == (same["name"], same["last"])
    assert any("<script>alert(1)</script>" in row["reason"] for row in rows["CSV"])


def downloaded(page: Page, table: str, kind: str, folder: Path) -> str:
    """The text of a table's file, taken by keyboard."""
    made = page.get_by_role("button", name=f"{table} as {kind}", exact=True)
    with page.expect_download() as download:
        made.press("Enter")
    assert download.value.suggested_filename == f"{table}.{SUFFIXES.get(kind, kind.lower())}"
    download.value.save_as(folder / kind)
    return (folder / kind).read_text(encoding="utf-8")


def test_every_table_of_a_section_has_its_four_files_and_two_copies(page: Page) -> None:
    tables = page.locator("table[data-name]")
    assert tables.count() >= 7
    names = [str(table.get_attribute("data-name")) for table in tables.all()]
    assert {"demo-fitting", "demo-table1", "demo-cost", "demo-stages", "demo-files"} < set(names)
    assert len(set(names)) == len(names)
    buttons = page.locator(".scroll:has(table[data-name]) + .tools button")
    assert buttons.count() == (4 + 2) * len(names)
    labels = [str(one.get_attribute("aria-label")) for one in buttons.all()]
    assert len(set(labels)) == len(labels)
    assert {"demo-cost as Markdown", "Copy Markdown of demo-cost", "Copy LaTeX of demo-cost"} < set(labels)


def test_a_table_is_downloaded_as_it_is_shown(page: Page, tmp_path: Path) -> None:
    text = downloaded(page, "demo-first-init", "CSV", tmp_path)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:2] == ["Cell", "Cell note"]
    assert [row[0] for row in rows[1:]] == [name.replace("_", " ") for name in SCHEMES]
    assert [row[1] for row in rows[1:]] == ["", "", "", "diverged", "failed", "not testable", "missing"]


def test_a_table_as_json_is_a_record_a_row(page: Page, tmp_path: Path) -> None:
    page.locator('[id="study:fitting"] th button', has_text="PSNR (dB)").first.click()
    rows = json.loads(downloaded(page, "demo-fitting", "JSON", tmp_path))
    assert [row["Cell"] for row in rows] == ["SIREN", "ReLU"]
    assert (round(rows[0]["PSNR (dB)"], 1), rows[0]["PSNR (dB) note"]) == (38.0, "best")
    assert rows[0]["Parameters"] == 198_401
    assert (rows[0]["Reaches 30 dB"] % 1, rows[1]["Reaches 30 dB"]) == (pytest.approx(0, abs=0.7), "inf")
    assert re.fullmatch(r"[\d.]+ s", rows[0]["Reaches 30 dB note"])


def test_of_table_1_an_arm_of_an_image_is_a_record_as_in_the_files_beside_the_page(page: Page, tmp_path: Path) -> None:
    rows = json.loads(downloaded(page, "demo-table1", "JSON", tmp_path))
    assert [(row["image"], row["arm"]) for row in rows[:5]] == [
        *(("Cameraman 512², ×2", arm) for arm in ("SIREN", "SIREN + P.E.", "ReLU + P.E.", "Bicubic")),
        ("Cameraman 512², ×4", "SIREN"),
    ]
    bicubic = [row for row in rows if row["arm"] == "Bicubic"]
    assert [row["PSNR (dB) paper"] for row in bicubic] == [33.20274, 26.66721, 22.87462]
    assert [row["PSNR (dB) minus paper note"] for row in bicubic] == ["within the tolerance"] * 3
    assert [row["PSNR (dB) ±"] for row in bicubic] == [None] * 3
    beside = Path(unquote(urlparse(page.url).path)).parent / "report_tables/table1.csv"
    with beside.open(encoding="utf-8") as file:
        files = list(csv.DictReader(file))
    for name in ("PSNR (dB)", "PSNR (dB) ±", "PSNR (dB) paper", "PSNR (dB) minus paper", "SSIM", "SSIM ±"):
        assert [float(row[name] or "nan") for row in files] == pytest.approx(
            [math.nan if row[name] is None else row[name] for row in rows], nan_ok=True
        )


def test_columns_of_numbers_hold_nothing_but_numbers(page: Page, tmp_path: Path) -> None:
    """As a program reads them: no sign, unit or interval with them, and a point as the only mark."""
    for table in ("demo-best", "demo-fitting", "demo-first-init", "demo-table1", "demo-cost", "demo-stages"):
        rows = list(csv.DictReader(io.StringIO(downloaded(page, table, "CSV", tmp_path))))
        in_words = re.compile(r"note|Cell|image|arm|Study|Best|Ahead of|That is|paper’s best|Arm|Task|Stage")
        numbers = {name: [row[name] for row in rows] for name in rows[0] if not in_words.search(name)}
        assert len(numbers) >= 2
        for name, found in numbers.items():
            assert all(text == "" or not math.isnan(float(text)) for text in found), (table, name, found)
        has_half = any(name.endswith(" ±") and any(found) for name, found in numbers.items())
        assert has_half == (table not in ("demo-cost", "demo-stages"))


def test_a_sign_that_is_no_text_is_in_no_file(browser: Browser, tmp_path: Path) -> None:
    """A reason from a terminal, a name and a label that hold control characters."""
    bad = "a \x1b[31mred\x00\x07\x9b\ufffe word"
    study = Study(title=bad, grid=[], labels=[{"cells": {}, "text": bad}])
    images = {"cameraman": ImageRecipe(asset="cameraman", title=bad)}
    run = Run(tmp_path, Config(run="bad", images=images, studies={"study": study}), {"study": []})
    for arm, made in {"siren": Made(30.0), "relu": Made(0, state="failed", reason=bad)}.items():
        fields = {"task": "fit", "image": "cameraman", "size": 32, "arm": arm, "depth": 1, "width": 8}
        run.cells["study"].append(make_spec(fields | {"steps": 60, "replicates": 2}))
        write_cell(run.results, run.cells["study"][-1], made)
    run.render()
    files = [path for path in run.folder.rglob("*") if path.suffix in (".csv", ".svg", ".html")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    with browser.new_context() as context:
        page, trouble = opened(context, (run.folder / "report.html").as_uri())
        texts["curves"] = downloaded(page, "bad-study-fit-cameraman-32-curves", "CSV", tmp_path)
        with page.expect_download() as download:
            page.locator('[data-download="CSV"]').click()
        texts["results"] = Path(download.value.path()).read_text(encoding="utf-8")
        assert trouble == []
    assert len(texts) == 7
    for name, text in texts.items():
        assert "red word" in text, name
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text), name


@pytest.mark.parametrize(
    "table", ["demo-table1", "demo-first-init", "demo-cost", "demo-deviations-that-concern-this-run"]
)
def test_a_table_as_latex_is_a_booktabs_table(page: Page, tmp_path: Path, table: str) -> None:
    text = downloaded(page, table, "LaTeX", tmp_path)
    lines = text.splitlines()
    assert lines[0].startswith(f"% {table}: needs \\usepackage{{booktabs}}")
    assert lines[-1] == "\\end{tabular}"
    columns = re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", lines[1])
    assert columns
    rules = [line for line in lines if line.endswith("rule")]
    assert (rules[0], rules[1], rules[-1]) == ("\\toprule", "\\midrule", "\\bottomrule")
    for line in lines[2:-1]:
        if line.endswith("rule"):
            continue
        assert line.endswith(" \\\\")
        spans = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
        assert len(re.split(r"(?<!\\)&", line)) + spans == len(columns[1]), line
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert re.fullmatch(r"[\x00-\x7f]*", text), "nothing that plain LaTeX does not know"


def test_latex_marks_the_best_and_the_second_best(page: Page, tmp_path: Path) -> None:
    text = downloaded(page, "demo-table1", "LaTeX", tmp_path)
    assert re.search(r"\\textbf\{33\.\d{3}", text)
    assert re.search(r"\\underline\{", text)
    assert r"\multicolumn{5}{l}{Cameraman 512\textsuperscript{2}, $\times$2}" in text
    assert "best:" not in text


def test_what_latex_would_take_for_a_command_is_escaped(page: Page, tmp_path: Path) -> None:
    hostile = r"[50 % \input{/etc/passwd} $x_1^2$ & # ~"
    page.evaluate(
        "text => { document.querySelector('table[data-name=demo-fitting] tbody th').textContent = text; }", hostile
    )
    text = downloaded(page, "demo-fitting", "LaTeX", tmp_path)
    safe = r"{[}50 \% \textbackslash{}input\{/etc/passwd\} \$x\_1\textasciicircum{}2\$ \& \# \textasciitilde{}"
    assert safe in text


def read_markdown(text: str) -> list[list[str]]:
    """The cells of the one table that a reader of GitHub's Markdown finds in a text, as HTML."""
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    assert (html.count("<table>"), html.count("</table>")) == (1, 1)
    assert html.startswith("<table>")
    assert html.endswith("</table>\n")
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in html.split("<tr>")[1:]]


@pytest.mark.parametrize(
    "table", ["demo-best", "demo-table1", "demo-first-init", "demo-cost", "demo-deviations-that-concern-this-run"]
)
def test_a_table_as_markdown_has_its_rows_and_columns(page: Page, tmp_path: Path, table: str) -> None:
    text = downloaded(page, table, "Markdown", tmp_path)
    heads = page.locator(f"table[data-name={table}] thead th")
    rows = read_markdown(text)
    assert {len(row) for row in rows} == {heads.count()}
    assert len(rows) == page.locator(f"table[data-name={table}] tr").count()
    numbers = [one.evaluate("one => one.matches('.number')") for one in heads.all()]
    assert text.splitlines()[1].strip("| ").split(" | ") == ["---:" if one else "---" for one in numbers]


def test_markdown_marks_the_best_and_the_second_best(page: Page, tmp_path: Path) -> None:
    rows = read_markdown(downloaded(page, "demo-table1", "Markdown", tmp_path))
    assert rows[0] == ["Image, factor, metric", "SIREN", "SIREN + P.E.", "ReLU + P.E.", "Bicubic"]
    assert rows[1] == ["Cameraman 512², ×2", "", "", "", ""]
    assert rows[3][0] == "PSNR (dB), ours"
    assert re.fullmatch(r"<strong>33\.\d{3} ± 0\.\d{3}</strong>", rows[3][1])
    assert re.fullmatch(r"<em>32\.\d{3} ± 0\.\d{3}</em>", rows[3][2])
    assert re.fullmatch(r"29\.\d{3} ± 0\.\d{3}", rows[3][3])
    assert rows[3][4] == "<strong>33.203</strong>"


def test_what_markdown_would_take_for_markup_stays_text(page: Page, tmp_path: Path) -> None:
    hostile = (
        r"a | b \| *c* __d__ `e` <script>alert(1)</script> [f](javascript:g) ![h](i) ~~j~~ &copy; # $k$ https://l @m "
        "www.n.org WWW.o.org 1.5"
    )
    page.evaluate(
        "text => { document.querySelector('table[data-name=demo-fitting] tbody th').textContent = text; }", hostile
    )
    text = downloaded(page, "demo-fitting", "Markdown", tmp_path)
    assert html.unescape(read_markdown(text)[1][0]) == hostile
    assert "&lt;script&gt;" in read_markdown(text)[1][0]
    for unlinked in (r"https\://l", r"www\.n.org", r"WWW\.o.org"):
        assert unlinked in text, "what GitHub would make a link of"
    assert " 1.5 " in text


@pytest.mark.parametrize("kind", ["LaTeX", "Markdown"])
def test_a_table_is_copied_as_it_would_be_downloaded(page: Page, tmp_path: Path, kind: str) -> None:
    made = page.get_by_role("button", name=f"Copy {kind} of demo-table1", exact=True)
    handle = made.element_handle()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    made.press("Enter")
    page.wait_for_function("one => one.textContent === 'Copied' && one.ariaLabel === 'Copied'", arg=handle)
    assert page.evaluate("navigator.clipboard.readText()") == downloaded(page, "demo-table1", kind, tmp_path)
    expect(made).to_have_text(f"Copy {kind}")


def test_a_refused_copy_is_told(page: Page) -> None:
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    made = page.get_by_role("button", name="Copy Markdown of demo-table1", exact=True).element_handle()
    made.press("Enter")
    page.wait_for_function("one => one.textContent === 'Refused by the browser'", arg=made)


def test_the_points_of_curves_are_downloaded(page: Page, tmp_path: Path) -> None:
    """Those that are drawn, the drop of one step in them."""
    name = "demo-first-init-fit-cameraman-64-curves"
    figure = page.locator("figure.curves").nth(1)
    rows = list(csv.DictReader(io.StringIO(downloaded(page, name, "CSV", tmp_path))))
    psnr = [row for row in rows if (row["curve"], row["metric"]) == ("kaiming uniform", "psnr")]
    assert [int(row["step"]) for row in psnr] == sorted({int(row["step"]) for row in psnr})
    assert (int(psnr[0]["step"]), int(psnr[-1]["step"])) == (0, 60)
    means = [float(row["mean"]) for row in psnr]
    assert f"kaiming uniform ends at {means[-1]:.2f}" in str(
        figure.locator("svg.plot").first.get_attribute("aria-label")
    )
    assert max(means[30:]) - min(means[40:]) > 4
    assert all(float(row["half of its 95 % interval"]) > 0 for row in psnr)
    assert json.loads(downloaded(page, name, "JSON", tmp_path))[0]["curve"] == "standard"


def test_every_figure_of_curves_has_its_two_files(page: Page) -> None:
    names = [str(one.get_attribute("data-name")) for one in page.locator("figure.curves").all()]
    assert len(names) == len(set(names)) == 5
    assert all(page.get_by_role("button", name=f"{name} as CSV", exact=True).count() == 1 for name in names)


def test_the_seeds_of_a_cell_are_downloaded(page: Page, tmp_path: Path) -> None:
    page.locator("#cells summary", has_text="siren-2x64").press("Enter")
    name = "fit-cameraman-64-siren-2x64-steps=60-replicates=3"
    rows = json.loads(downloaded(page, name, "JSON", tmp_path))
    assert {row["name"] for row in rows} == {"fit/cameraman-64/siren-2x64/steps=60/replicates=3"}
    assert sorted((row["metric"], row["seed"]) for row in rows) == [
        (metric, seed) for metric in ("psnr", "ssim") for seed in range(3)
    ]
    assert len(list(csv.DictReader(io.StringIO(downloaded(page, name, "CSV", tmp_path))))) == len(rows)
