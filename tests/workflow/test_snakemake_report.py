"""Snakemake's own report of a run: with the page, every figure and every table, and without a network."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from xml.etree import ElementTree

import pytest

from .conftest import Project, study

pytestmark = pytest.mark.slow

SVG = "{http://www.w3.org/2000/svg}"
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


@pytest.fixture
def packed(project: Project) -> dict[str, bytes]:
    """The files of ``run.zip``, by what comes after the digest of their output."""
    layers = {"task": "activations", "image": "tile", "size": 16, "arm": "siren", "depth": 1, "width": 8}
    studies = {
        "fitting": study(steps=20),
        "layers": {"title": "Layers", "layout": "activations", "grid": layers},
        "lower": {"title": "Table", "layout": "table", "grid": {"task": "sr", "image": "tile", "arm": "bicubic"}},
    }
    studies["lower"]["grid"] |= {"size": 16, "factor": 2}
    project.configure(run="small", images={"tile": {"path": "tile.png"}}, studies=studies)
    for words in ((), ("--report", "run.zip")):
        code, output = project.snakemake(*words)
        assert code == 0, output
        project.environment |= NOWHERE
    with zipfile.ZipFile(project.folder / "run.zip") as archive:
        names = archive.namelist()
        found = {re.sub(r"^run/(?:data/raw/\w+/)?", "", name): archive.read(name) for name in sorted(names)}
        page = next(archive.read(name) for name in names if re.fullmatch(r"run/data/raw/\w+/report\.html", name))
        return found | {"report.html": archive.read("run/report.html"), "page": page}


def test_it_holds_the_page_the_figures_and_the_tables(packed: dict[str, bytes], project: Project) -> None:
    assert set(packed) == {
        *("report.html", "page", "results.csv", "fitting.csv", "layers.csv", "lower.csv"),
        *("fitting/fit-tile-16.svg", "layers/activations-tile-16-SIREN.svg"),
        *("fitting/fit-tile-16-pictures.svg", "lower/sr-tile-16-2-pictures.svg"),
    }
    folder = project.folder / "results/small"
    assert packed["page"] == (folder / "report.html").read_bytes()
    assert b"data:image/webp" in packed["page"]

    figure = ElementTree.fromstring(packed["fitting/fit-tile-16.svg"])
    assert {"SIREN", "ReLU", "PSNR (dB)", "training step"} <= {text.text for text in figure.iter(f"{SVG}text")}
    strip = ElementTree.fromstring(packed["lower/sr-tile-16-2-pictures.svg"])
    pictures = [one.get("href", "").encode() for one in strip.iter(f"{SVG}image")]
    assert len(pictures) == 3
    assert all(picture in packed["page"] for picture in pictures)
    assert {"Target", "Input", "Bicubic"} <= {text.text for text in strip.iter(f"{SVG}text")}
    for svg in [content.decode() for name, content in packed.items() if name.endswith(".svg")]:
        ids = [one.get("id") for one in ElementTree.fromstring(svg).iter() if one.get("id")]
        assert len(ids) == len(set(ids))
        assert all(f"{variable}:#" in svg for variable in re.findall(r"var\((--\w+)\)", svg))

    rows = list(csv.DictReader(io.StringIO(packed["fitting.csv"].decode())))
    ends = [project.record(row["name"]).replicates for row in rows]
    means = [sum(replicate.metrics["psnr"].last for replicate in of_cell) / len(of_cell) for of_cell in ends]
    assert [row["cell"] for row in rows] == ["SIREN", "ReLU"]
    assert [float(row["PSNR (dB)"]) for row in rows] == pytest.approx(means, abs=0.005)
    assert "Bicubic" in packed["lower.csv"].decode()


def test_every_result_has_a_caption_a_category_and_labels(packed: dict[str, bytes]) -> None:
    listing = packed["report.html"].decode()
    results, categories = (
        json.loads(re.search(rf'<script id="{name}">\s*var {name} = (.*?);\s*</script>', listing, re.S)[1])  # type: ignore[index]
        for name in ("results", "categories")
    )
    assert len(results) == 9
    for result in results.values():
        assert "small" in result["caption"]
        assert "{{" not in result["caption"]
        assert result["labels"]["run"] == "small"
        assert len(result["labels"]) == 2
    assert {name: set(parts) for name, parts in categories.items()} == {
        "Report": {"Other"},
        "Figures": {"fitting", "layers", "lower"},
        "Tables": {"Other"},
    }
