"""Facts that the library computes of itself, without any cell: sizes, derivatives, laws at initialisation.

Each is a function in the ``FACTS`` of its module; the first line of its docstring is the criterion that reports show.
All of them together take one or two seconds. Seeds are fixed, so that every fact is the same each time. The tests of
theory (``tests/unit/test_theory*.py``) hold the same statements to narrower margins.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from sirenbench.claims.facts import derivatives, initialisation, networks, pictures
from sirenbench.claims.facts.base import Fact

# By name; each is computed once.
FACTS: dict[str, Callable[[], Fact]] = {
    function.__name__: cache(function)
    for module in (derivatives, initialisation, networks, pictures)
    for function in module.FACTS
}

__all__ = ["FACTS", "Fact"]
