"""What the page can give away as files: all results, and the curves that it draws. Packed, for they are large."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sirenbench.records import readable
from sirenbench.report.views.curves import Curves

if TYPE_CHECKING:
    import pandas as pd


def packed(results: pd.DataFrame, curves: Iterable[Curves]) -> str:
    """JSON, compressed by gzip, as base64: ``results`` as :func:`_table`, ``curves`` by the key of their figure."""
    content = {"results": _table(results), "curves": {one.key: _points(one) for one in curves}}
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def _points(curves: Curves) -> list[list]:
    return [[readable(str(label)), *numbers] for label, *numbers in curves.points]


def _table(frame: pd.DataFrame) -> dict:
    """A table in words that JSON has: no NaN, and infinity as text.

    What repeats, as names and commands do, is in ``lists``, by column; the rows then hold places in the list.
    """
    frame = frame.astype(object).where(frame.notna(), None)
    lists = {}
    for column in frame.columns:
        codes, found = frame[column].factorize()
        if 2 * len(found) < len(frame):
            frame[column], lists[column] = codes, [_json(value) for value in found]
    rows = [[_json(value) for value in row] for row in frame.itertuples(index=False)]
    return {"columns": list(frame.columns), "lists": lists, "rows": rows}


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) and math.isinf(value) else value
