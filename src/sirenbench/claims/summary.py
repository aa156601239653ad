"""A run in a few lines of text: the numbers of its Table 1, and how many claims came to which verdict."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sirenbench.claims.verdicts import BASES, FILE, Code, held_on
from sirenbench.collect import RESULTS, RUN, read_run, reading
from sirenbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_TABLE = "Table 1"


def summary(folder: Path) -> str:
    """The summary of ``results/<run>``.

    Raises
    ------
    UserError
        If the run was not collected or its claims not judged, or if a file of it is damaged.
    """
    for name in (RUN, RESULTS, FILE):
        if not (folder / name).exists():
            raise UserError(f"{folder / name} is not there; run the target that makes {folder}/report.html first")
    run, frame = read_run(folder)
    title = f"{run['run']}: {run['title']}".rstrip(": ")
    studies = {name: study for name, study in run["studies"].items() if _is_table(study)}
    with reading(folder / RESULTS):
        tables = list(_tables(frame, studies))
    with reading(folder / FILE) as path:
        claims = json.loads(path.read_text(encoding="utf-8"))
        verdicts = [f"{len(claims['claims'])} claims of the paper", *_aligned(_totals(claims)), _held(claims)]
    return "\n".join([title, *tables, "", *verdicts]) + "\n"


def _is_table(study: dict[str, Any]) -> bool:
    return study["layout"] == "table" and study["source"].startswith(_TABLE)


def _tables(frame: pd.DataFrame, studies: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The lines of each study's table."""
    for name, study in studies.items():
        rows = frame[frame.study == name]
        scaled = dict.fromkeys(word for text in rows.scaled.unique() for word in json.loads(text))
        remark = f"; scaled down: {', '.join(scaled)}" if scaled else ""
        head = f"{study['title']} ({study['source']}; PSNR in dB / SSIM{remark})"
        yield from ("", head, *_aligned(_scores(rows)))


def _scores(frame: pd.DataFrame) -> Iterator[list[str]]:
    """A head, and a row for each image and method: its means at every factor."""
    factors = sorted(int(factor) for factor in frame.factor.dropna().unique())
    yield ["image", "method", *(f"x{factor}" for factor in factors)]
    for image, method in frame[["image", "method"]].drop_duplicates().itertuples(index=False):
        rows = frame[(frame.image == image) & (frame.method == method)]
        yield [image, method, *(_pair(rows[rows.factor == factor]) for factor in factors)]


def _pair(rows: pd.DataFrame) -> str:
    means = [rows[(rows.metric == metric) & ~rows.diverged.fillna(False)]["last"].mean() for metric in ("psnr", "ssim")]
    if not all(map(math.isfinite, means)):
        return "-" if rows.empty else ", ".join(sorted(set(rows.state) - {"ok"})) or "not a number"
    return f"{means[0]:.3f} / {means[1]:.3f}"


def _totals(claims: dict[str, Any]) -> Iterator[list[str]]:
    found = Counter((claim["group"], claim["verdict"]) for claim in claims["claims"])
    yield ["", *(code.value for code in Code)]
    for group, title in claims["groups"].items():
        yield [title, *(str(found[group, code.value] or "") for code in Code)]
    yield ["all", *(str(claims["totals"][code.value]) for code in Code)]


def _held(claims: dict[str, Any]) -> str:
    return "  holds: " + ", ".join(f"{n} {BASES[basis]}" for basis, n in held_on(claims["claims"]).items())


def _aligned(rows: Iterator[list[str]]) -> list[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  " + "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]
