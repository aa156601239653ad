"""The HTML report: what it says, that it is valid, and that it is the same every time."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import re
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from report_fixtures import Made, Page, Run, demo_run, paper_rows, picture, pictures_run, write_cell

from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import changed, make_spec, parse_name
from sirenbench.progress import Heartbeat
from sirenbench.records import folder_of
from sirenbench.report import paper
from sirenbench.report.build import SCRIPTS
from sirenbench.report.cells import read_cells
from sirenbench.report.figures.curves import AXES, POINTS, Series, thin
from sirenbench.report.figures.pictures import picture_uri
from sirenbench.report.figures.style import dash_of
from sirenbench.report.tables import RowsTable, arms_table, curves_table
from sirenbench.report.text import count, duration, half_width, number, rate, signed
from sirenbench.spec import SpecError
from sirenbench.statistics import Mark


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return demo_run(tmp_path_factory.mktemp("report"), steps=60)


@pytest.fixture(scope="module")
def pictures_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(pictures_run(tmp_path_factory.mktemp("pictures"), 32).render())


@pytest.fixture(params=["page", "pictures_page"])
def any_page(request: pytest.FixtureRequest) -> Page:
    return request.getfixturevalue(request.param)


def small_run(root: Path, *made: Made, texts: dict[str, str] | None = None, **reference: int) -> Run:
    study = Study(grid=[], reference=reference, **({"title": "Study"} | (texts or {})))
    run = Run(root, Config(run="small", studies={"study": study}))
    run.cells["study"] = []
    for width, one in enumerate(made, start=8):
        fields = {"task": "fit", "image": "cameraman", "size": 32, "arm": "siren", "depth": 1, "width": width}
        spec = make_spec(fields | {"steps": 60, "replicates": 2})
        run.cells["study"].append(spec)
        write_cell(run.results, spec, one)
    return run


# The page as a document


def test_ids_are_unique(any_page: Page) -> None:
    ids = [attrs["id"] for _, attrs in any_page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not any(re.search(r"\s", str(one)) for one in ids)


def test_ids_in_drawings_are_names_of_xml(pictures_page: Page) -> None:
    """As validators ask: a metric with switches, psnr@align=affine, is none."""
    drawn = [str(attrs["id"]) for tag, attrs in pictures_page.elements if tag in ("path", "clippath") and "id" in attrs]
    assert any("align" in one for one in drawn)
    assert [one for one in drawn if not re.fullmatch(r"[A-Za-z_][\w.-]*", one)] == []


def test_every_link_inside_the_page_leads_somewhere(any_page: Page) -> None:
    ids = {attrs["id"] for _, attrs in any_page.elements if "id" in attrs}
    for attrs in any_page.all("a"):
        href = str(attrs["href"])
        assert not href.startswith("#") or href[1:] in ids or unquote(href[1:]) in ids, href


def test_every_image_has_an_alternative_text_that_says_what_it_is(page: Page) -> None:
    images = page.all("img")
    assert len(images) > 10
    assert all("Cameraman" in str(attrs.get("alt")) for attrs in images)
    results = [attrs["alt"] for attrs in images if "reconstruction" in str(attrs["alt"])]
    assert len(set(results)) == len(results) == 18


def test_every_picture_is_embedded_once_whichever_studies_show_it(any_page: Page) -> None:
    uris = re.findall(r'"(data:image/webp;base64,[^"]+)"', any_page.html)
    assert len(uris) == len(set(uris)) > 5
    drawn = [href for attrs in any_page.all("use") if (href := str(attrs["href"])).startswith("#picture-")]
    assert set(drawn) == {f"#{attrs['id']}" for attrs in any_page.all("image")}
    assert len(drawn) >= 2 * len(set(drawn)) > 0


def test_every_plot_is_described_with_its_final_values(page: Page) -> None:
    plots = [attrs for attrs in page.all("svg") if attrs.get("class") == "plot"]
    assert len(plots) == 2 * 10, "over the steps and over the seconds"
    assert all("ends at" in str(attrs["aria-label"]) for attrs in plots)


def test_no_list_of_facts_has_a_term_twice(any_page: Page) -> None:
    lists = re.findall(r"<dl.*?</dl>", any_page.html, re.DOTALL)
    terms = [re.findall(r"<dt[^>]*>(.*?)</dt>", one, re.DOTALL) for one in lists]
    assert len(terms) > 10
    assert [one for one in terms if len(one) != len(set(one))] == []


def test_every_heading_of_a_table_has_a_scope_and_every_table_a_caption(any_page: Page) -> None:
    assert all("scope" in attrs for attrs in any_page.all("th"))
    assert len(any_page.all("caption")) == len(any_page.all("table"))


def test_tables_stand_in_scroll_regions_that_take_the_focus(any_page: Page) -> None:
    regions = [attrs for attrs in any_page.all("div") if attrs.get("class") == "scroll"]
    assert len(regions) == len(any_page.all("table"))
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" and attrs["aria-label"] for attrs in regions)


def test_every_column_of_a_metric_leads_to_what_the_glossary_says_of_it(any_page: Page) -> None:
    lines = dict(re.findall(r'<dt id="((?:metric|term):\w+)">(.*?)</dt>', any_page.html))
    heads = re.findall(r'<th scope="(?:col|row)"[^>]*>(.*?)</th>', any_page.html)
    links = [
        re.fullmatch(r'(.*?) <a class="about" href="#(.*?)" aria-label="About (.*?)"></a>', head) for head in heads
    ]
    led = {link[1]: (lines[link[2]], link[3]) for link in links if link}
    assert {"PSNR (dB)", "SSIM", "PSNR (dB), ours", "SSIM, ours"} <= set(led)
    assert not {"PSNR (dB)", "SSIM", "PSNR (dB), ours", "Best PSNR", "Gradient PSNR (dB)"} & set(heads)
    assert led["PSNR (dB)"] == ("PSNR (higher is better)", "PSNR (dB)")


def test_a_column_without_any_number_has_its_line_of_the_glossary_too(tmp_path: Path) -> None:
    page = Page(small_run(tmp_path, Made(0, state="failed", reason="no")).render())
    ids = {attrs["id"] for attrs in page.all("dt") if "id" in attrs}
    links = [str(attrs["href"])[1:] for attrs in page.all("a") if attrs.get("class") == "about"]
    assert {"metric:psnr", "metric:ssim"} <= set(links) <= ids


def test_there_is_one_main_heading_a_title_and_a_language(page: Page) -> None:
    assert len(page.all("h1")) == 1
    assert len(page.all("title")) == 1
    assert page.all("html")[0]["lang"] == "en"


def test_nothing_is_asked_of_a_network(any_page: Page) -> None:
    for tag, attrs in any_page.elements:
        for name in ("src", "srcset", "poster", "action", "data"):
            assert str(attrs.get(name, "data:")).startswith("data:"), (tag, attrs)
        if tag == "link":
            assert str(attrs["href"]).startswith("data:")
    assert "@import" not in any_page.html
    assert not re.search(r"url\((?!#)", any_page.html)


def test_two_renders_differ_in_the_line_of_the_date_only(run: Run, html: str) -> None:
    time.sleep(1.1)
    first, second = html.splitlines(), run.render().splitlines()
    different = [one for one, other in zip(first, second, strict=True) if one != other]
    assert len(different) == 1
    assert '<time id="rendered"' in different[0]


def test_the_script_stays_small() -> None:
    texts = [(resources.files("sirenbench.report") / "static" / name).read_text(encoding="utf-8") for name in SCRIPTS]
    assert max(len(text.splitlines()) for text in texts) <= 200
    assert sum(map(len, texts)) <= 39_000


def test_importing_the_report_loads_neither_pandas_nor_matplotlib_nor_torch() -> None:
    code = (
        "import sys, sirenbench.report.build, sirenbench.collect; "
        "sys.exit(', '.join({'pandas', 'matplotlib', 'torch', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# What it says


def test_the_header_counts_cells_by_state(page: Page) -> None:
    for words in ("17 done", "1 diverged", "1 failed", "1 not testable", "1 missing"):
        assert words in page.words


def test_the_header_names_the_machine_and_the_computing_time(page: Page) -> None:
    assert "cpu (a processor), 1 thread, host node-1" in page.words
    assert "4 min 10 s" in page.words


def test_sections_follow_the_order_of_the_configuration(html: str) -> None:
    places = [html.index(f'id="study:{name}"') for name in ("fitting", "first-init", "table1")]
    assert places == sorted(places)


def test_every_cell_has_its_command_configuration_and_provenance(run: Run, page: Page) -> None:
    for specs in run.cells.values():
        for spec in specs:
            assert f"snakemake results/cells/{spec.name}/cell.json --force" in page.words
    for words in ("0f1e2d3c4b5a69788796a5b4c3d2e1f001122334", "361a6d56d22ee522", "unclear (MIT, non-commercial)"):
        assert words in page.words


def test_what_was_scaled_down_is_said_with_the_reason(page: Page) -> None:
    assert "size 64 instead of 256" in page.words
    assert "15,000 steps take half an hour on two cores." in page.words


def test_cells_without_a_result_are_shown_with_their_reason(page: Page) -> None:
    for words in ("it was not run, or it was stopped", "could not be fetched: no network", "1 of 3 seeds diverged"):
        assert words in page.words


def test_metrics_are_explained_with_their_formula(page: Page) -> None:
    assert "PSNR = -10 log10(MSE)" in page.words
    assert "SSIM (higher is better)" in page.words


def test_the_results_are_embedded_for_the_downloads(run: Run, html: str) -> None:
    found = re.search(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', html)
    assert found
    data = json.loads(gzip.decompress(base64.b64decode(found[1])))
    assert "record" not in data["results"]["columns"]
    assert len(data["results"]["rows"]) == len(run.collect())
    assert len(data["curves"]) == html.count('<figure class="curves"')


def test_hostile_words_are_shown_as_text(tmp_path: Path) -> None:
    evil = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}"
    made = [Made(0, state="failed", reason=evil), Made(30.0)]
    run = small_run(tmp_path, *made, texts=dict.fromkeys(("title", "source", "text", "why"), evil), width=256)
    recipe = ImageRecipe(asset="cameraman", title=evil)
    run.config = run.config.model_copy(update={"title": evil, "text": evil, "images": {"cameraman": recipe}})
    page = Page(run.render())
    assert len(page.all("script")) == 2
    assert not [attrs for attrs in page.all("img") if "onerror" in attrs]
    assert page.words.count("alert('x')") >= 6
    assert "{{ 7*7 }}" in page.words


def test_a_run_in_which_nothing_ran_still_has_a_report(tmp_path: Path) -> None:
    page = Page(small_run(tmp_path, Made(0, state="missing"), Made(0, state="missing")).render())
    assert "2 missing" in page.words
    assert not page.all("img")


def test_a_cell_that_trains_just_now_is_on_the_page_with_its_command(tmp_path: Path) -> None:
    run = small_run(tmp_path, Made(30.0), Made(0, state="missing"))
    name = run.cells["study"][1].name
    Heartbeat(folder_of(run.results, name), name, 1000).beat(412, lambda: 30.0)
    page = Page(run.render())
    assert "1 done 1 running" in page.words
    assert "it was at step 412 of 1,000 when these results were collected" in page.words
    assert f"snakemake results/cells/{name}/cell.json --force" in page.words


def test_what_a_table_says_for_all_its_rows_is_not_found_out_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else 5,000 cells are looked at 5,000 times (docs/benchmarks.md)."""
    asked = []
    scores = RowsTable.scores
    monkeypatch.setattr(RowsTable, "scores", lambda table: asked.append(table) or scores(table))
    small_run(tmp_path / "two", *[Made(30.0)] * 2).render()
    of_two = len(asked)
    small_run(tmp_path / "eight", *[Made(30.0)] * 8).render()
    assert of_two == len(asked) - of_two > 0


def test_a_study_without_cells_still_has_a_section(tmp_path: Path) -> None:
    assert "Study" in Page(small_run(tmp_path).render()).words


def test_a_cell_that_diverged_at_once_stops_nothing(tmp_path: Path) -> None:
    both = Made(30.0, state="diverged", reason="2 of 2 replicates diverged", diverged=(0, 1))
    assert "2 of 2 replicates diverged" in Page(small_run(tmp_path, both, Made(31.0)).render()).words


def test_a_figure_says_which_curve_ends_because_seeds_of_it_diverged(page: Page) -> None:
    assert page.words.count("A curve ends where a seed of it diverged: uniform (1 of 3 seeds).") == 1
    assert page.words.count("mean over the seeds, with the 95 % interval of the mean as a band. Seconds are") == 4


def test_lost_curves_and_images_stop_nothing(tmp_path: Path) -> None:
    run = small_run(tmp_path, Made(30.0), Made(31.0))
    for file in (*run.results.rglob("curves.parquet"), *run.results.rglob("images.npz")):
        file.unlink()
    page = Page(run.render())
    assert "30." in page.words
    assert not page.all("img")


@pytest.mark.slow
def test_forty_cells_render_in_under_twenty_seconds(tmp_path: Path) -> None:
    run = small_run(tmp_path, *(Made(20.0 + index) for index in range(40)))
    start = time.perf_counter()
    run.render()
    assert time.perf_counter() - start < 20


# Tables


def test_table_1_shows_the_papers_number_ours_and_the_difference(run: Run, page: Page) -> None:
    cells = [cell for cell in read_cells(run.collect()) if cell.study == "table1"]
    table = arms_table(cells, {"cameraman": "Cameraman"}, "Table 1")
    assert [column.label for column in table.columns] == ["SIREN", "SIREN + P.E.", "ReLU + P.E.", "Bicubic"]
    assert [block.title for block in table.blocks] == [f"Cameraman 512², ×{factor}" for factor in (2, 4, 8)]
    for block in table.blocks:
        bicubic = block.entries[-1]
        assert bicubic is not None
        for score in bicubic.scores.values():
            assert (score.against.delta, score.against.verdict, score.ours.half) == ("0.000", "agrees", "")
    last = table.blocks[-1].entries[-1]
    assert last is not None
    assert last.scores["psnr"].against.paper == last.scores["psnr"].ours.text == "22.875"
    assert "22.875" in page.words


def test_a_scaled_down_cell_shows_the_papers_number_but_is_not_judged(run: Run) -> None:
    cells = [cell for cell in read_cells(run.collect()) if cell.study == "fitting"]
    against = curves_table(cells, {}, "Figure 2").rows[0].scores["psnr"].against
    assert (against.paper, against.verdict, against.delta) == ("55.815", "scaled down", "")
    assert "size 64 instead of 256" in against.explanation


def test_a_table_of_cells_has_the_papers_number_of_every_metric_that_the_paper_gives(tmp_path: Path) -> None:
    study = Study(title="Study", source="Figure S8b", grid=[], reference={})
    run = Run(tmp_path, Config(run="small", studies={"study": study}))
    run.cells["study"] = [spec := parse_name("sr/div2k-0144-512-x4/siren-3x256/steps=1000")]
    write_cell(run.results, spec, Made(18.6))
    page = Page(run.render())
    assert "Paper’s PSNR PSNR (dB) Δ Paper’s SSIM SSIM Δ" in page.words
    assert {"18.601", "0.5873"} <= set(page.words.split())


def test_where_all_is_scaled_down_table_1_has_no_row_of_differences(tmp_path: Path) -> None:
    study = Study(title="Small", source="Table 1", layout="table", grid=[], reference={"size": 512})
    run = Run(tmp_path, Config(run="small", studies={"study": study}))
    spec = make_spec({"task": "sr", "image": "cameraman", "size": 64, "factor": 8, "arm": "bicubic"})
    run.cells["study"] = [spec]
    write_cell(run.results, spec, Made(20.0))
    page = Page(run.render())
    assert "PSNR (dB), ours scaled down" in page.words
    assert "22.875" in page.words
    assert not [attrs for attrs in page.all("tr") if attrs.get("class") == "delta"]


def test_labels_name_what_varies(run: Run) -> None:
    cells = read_cells(run.collect())
    rows = curves_table([cell for cell in cells if cell.study == "first-init"], {}, "").rows
    assert [row.label for row in rows][:3] == ["standard", "kaiming uniform", "kaiming normal"]
    rows = curves_table([cell for cell in cells if cell.study == "fitting"], {}, "").rows
    assert [row.label for row in rows] == ["SIREN", "ReLU"]


def test_a_diverged_seed_is_said_and_the_cell_is_not_ranked(run: Run) -> None:
    rows = curves_table([cell for cell in read_cells(run.collect()) if cell.study == "first-init"], {}, "").rows
    diverged = next(row for row in rows if row.cell.state == "diverged").scores["psnr"].ours
    assert diverged.note == "1 of 3 seeds diverged"
    assert diverged.mark is Mark.NONE


def test_the_time_to_30_db_says_when_some_seed_never_got_there(run: Run) -> None:
    rows = curves_table([cell for cell in read_cells(run.collect()) if cell.study == "fitting"], {}, "").rows
    first, second = (row.extras["Reaches 30 dB"] for row in rows)
    assert first.text.endswith(" steps")
    assert first.note.endswith(" s")
    assert (second.text, second.key) == ("never", math.inf)


def test_tracks_are_never_ranked_together(tmp_path: Path) -> None:
    run = small_run(tmp_path, Made(30.0), Made(20.0))
    own, other = run.cells["study"]
    improved = changed(other, grid="center")
    write_cell(run.results, improved, Made(40.0))
    run.cells["study"] = [own, other, improved]
    rows = curves_table(read_cells(run.collect()), {}, "").rows
    assert [row.scores["psnr"].ours.mark for row in rows] == [Mark.BEST, Mark.SECOND, Mark.NONE]


# The paper's numbers


def test_all_72_numbers_of_table_1_are_there() -> None:
    rows = [row for row in paper_rows() if row["source"] == "Table 1"]
    assert len(rows) == len({(row["name"], row["metric"]) for row in rows}) == 72
    for row in rows:
        # The paper rounds some digits and cuts others off.
        assert abs(float(row["printed"]) - float(row["repo"])) < 0.001


def test_every_number_belongs_to_a_cell_by_its_canonical_name() -> None:
    for row in paper_rows():
        try:
            assert parse_name(row["name"]).name == row["name"]
        except SpecError as error:
            pytest.fail(str(error))


def test_a_number_that_two_figures_give_is_taken_from_the_one_that_is_asked_for() -> None:
    name = "fit/cameraman-256/siren-3x256/steps=1000"
    found = [paper.find(name, "psnr", source) for source in ("Figure 4a", "Figure 4b")]
    assert [value.printed for value in found if value] == ["44.3", "43.8"]
    assert paper.find(name, "psnr")
    assert paper.find("fit/cameraman-256/siren-9x9", "psnr") is None


# Figures and images


def test_a_thinned_curve_keeps_its_ends_drops_and_peaks() -> None:
    steps = np.arange(15_001)
    mean = np.sqrt(steps)
    mean[7_003] -= 40
    mean[9_001] += 40
    for axis in AXES:
        thinned = thin(Series("a", 0, steps, mean, np.zeros_like(mean), steps / 10), POINTS, axis)
        assert len(thinned.steps) <= POINTS
        assert {0, 7_003, 9_001, 15_000} <= set(thinned.steps.tolist())
        assert np.array_equal(thinned.seconds, thinned.steps / 10)


def test_over_logarithmic_steps_a_curve_has_as_many_points_in_each_decade() -> None:
    steps = np.arange(15_001)
    thinned = thin(Series("a", 0, steps, np.sqrt(steps), 0.0 * steps, steps / 10), POINTS, "log")
    decades = np.histogram(thinned.steps, [10, 100, 1_000, 10_000])[0]
    assert min(decades) > POINTS / 6
    assert set(range(10)) <= set(thinned.steps.tolist())


def test_a_curve_that_breaks_off_can_be_thinned() -> None:
    mean = np.linspace(0, 1, 5_000)
    mean[2_500:] = np.nan
    thinned = thin(Series("a", 0, np.arange(5_000), mean, np.zeros_like(mean), np.arange(5_000.0)))
    assert np.isfinite(thinned.mean).sum() >= POINTS // 2 - 1


def test_colour_and_dash_together_tell_64_series_apart() -> None:
    assert len({(style % 8, dash_of(style)) for style in range(64)}) == 64


def test_text_in_plots_stays_text_and_colours_come_from_the_style_sheet(html: str) -> None:
    plots = re.findall(r'<svg class="plot".*?</svg>', html, re.S)
    assert [("training step</text>" in plot, "training time (s)</text>" in plot) for plot in plots[:4]] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]
    assert not any(re.search(r"#[0-9a-f]{6}\b", plot) for plot in plots)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _themes() -> list[dict[str, str]]:
    style = (resources.files("sirenbench.report") / "static" / "report.css").read_text(encoding="utf-8")
    colours = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", style)
    return [{name: light for name, light, _ in colours}, {name: dark for name, _, dark in colours}]


@pytest.mark.parametrize("theme", _themes(), ids=["light", "dark"])
def test_lines_have_a_contrast_of_3_and_text_of_4_5(theme: dict[str, str]) -> None:
    for series in range(8):
        assert _contrast(theme[f"s{series}"], theme["paper"]) >= 3, series
    for word in ("ink", "soft", "link", "good", "bad", "warn"):
        assert _contrast(theme[word], theme["paper"]) >= 4.5, word
        assert _contrast(theme[word], theme["raised"]) >= 4.5, word
    for word in ("good", "warn", "bad"):
        assert _contrast(theme[word], theme[f"{word}-back"]) >= 4.5, word
    assert _contrast(theme["soft"], theme["warn-back"]) >= 4.5
    assert _contrast(theme["link"], theme["warn-back"]) >= 4.5


@pytest.mark.parametrize("pixels", [picture(33), np.dstack([picture(16)] * 3)], ids=["grey", "rgb"])
def test_images_are_embedded_without_loss(pixels: np.ndarray) -> None:
    head, _, data = picture_uri(pixels).partition(",")
    assert head == "data:image/webp;base64"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(shown, pixels if pixels.ndim == 3 else np.dstack([pixels] * 3))


# Numbers in words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(22.6578, 3), "22.658"),
        (number(-0.5, 1), "−0.5"),
        (number(math.inf, 2), "∞"),
        (number(math.nan, 2), "–"),
        (number(-2345.678, 3), "−2,346"),
        (number(None, 2), "–"),
        (signed(0.0441, 3), "+0.044"),
        (signed(-0.16, 2), "−0.16"),
        (signed(-0.0001, 3), "0.000"),
        (number(-0.001, 2), "0.00"),
        (number(-0.0, 2), "0.00"),
        (number(-0.006, 2), "−0.01"),
        (half_width(0.0451, 3), "0.045"),
        (half_width(0.0001, 3), "<0.001"),
        (half_width(0.0, 3), "0.000"),
        (half_width(2345.678, 3), "2,346"),
        (count(790_017), "790,017"),
        (rate(1240.3), "1,240"),
        (rate(38.24), "38.2"),
        (duration(0.84), "0.8 s"),
        (duration(59.7), "1 min 00 s"),
        (duration(185), "3 min 05 s"),
        (duration(7_800), "2 h 10 min"),
        (duration(359_999), "99 h 59 min"),
        (duration(4e6), "1,111 h"),
    ],
)
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected
