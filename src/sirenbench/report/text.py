"""Numbers as the report writes them."""

from __future__ import annotations

import math

MINUS = "\u2212"
DASH = "\u2013"


def number(value: float | None, digits: int) -> str:
    """``22.658``, ``2,346``; no sign before a zero; infinity as its sign, and a dash for what is not there."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:z.{digits}f}"
    return text.replace("-", MINUS)


def half_width(value: float, digits: int) -> str:
    """Half an interval: ``0.045``, and ``<0.001`` rather than a zero that it is not."""
    vanishes = value > 0 and round(value, digits) == 0
    return f"<{10**-digits:.{digits}f}" if vanishes else number(value, digits)


def plain(value: int | float | str) -> str:
    """A value of a configuration: ``30`` for 30.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def machine(value: float | None) -> str:
    """A number for files: ``-0.1603582``; nothing where none is.

    Whole numbers in full, others with seven digits, for more would depend on the machine.
    """
    if value is None or math.isnan(value):
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else f"{value:.7g}"


def signed(value: float, digits: int) -> str:
    """``+0.044``, ``−0.160``, and ``0.000`` without a sign."""
    text = number(value, digits)
    vanishes = math.isfinite(value) and float(f"{value:.{digits}f}") == 0
    return f"+{text}" if value > 0 and not vanishes else text


def count(value: int | float | None) -> str:
    """``790,017``."""
    return DASH if value is None or math.isnan(value) else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Three digits that matter: ``1,240``, ``38.2``, ``0.51``."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """``0.8 s``, ``42 s``, ``3 min 05 s``, ``2 h 10 min``, ``1,210 h``."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 100 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole / 3600:,.0f} h"


def plural(n: int, word: str) -> str:
    """``1 cell``, ``3 cells``."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
