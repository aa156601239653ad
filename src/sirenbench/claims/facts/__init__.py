"""Facts that the library computes of itself, without any cell: sizes, derivatives, laws at initialisation.

Each is a function in ``FACTS``, by its name; the first line of its docstring is the criterion that reports show. All of
them together take one or two seconds. Seeds are fixed, so that every fact is the same each time. The tests of theory
(``tests/unit/test_theory*.py``) hold the same statements to narrower margins.
"""

from __future__ import annotations

from sirenbench.claims.facts import derivatives, initialisation, networks, pictures  # noqa: F401, they enter themselves
from sirenbench.claims.facts.base import FACTS, Fact

__all__ = ["FACTS", "Fact"]
