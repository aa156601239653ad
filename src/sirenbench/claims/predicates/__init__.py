"""The predicates: what a claim can be held to. One file for each kind, all listed in ``PREDICATES``."""

from __future__ import annotations

from sirenbench.claims.predicates.base import Predicate
from sirenbench.claims.predicates.comparisons import Equivalent, GreaterBy, Near, Ordering, Within
from sirenbench.claims.predicates.curves import Collapsed, Drawdown, FasterTo, Flat
from sirenbench.claims.predicates.layers import Distribution
from sirenbench.claims.predicates.settled import Exact, Untestable

PREDICATES: dict[str, type[Predicate]] = {
    "near": Near,
    "within": Within,
    "greater_by": GreaterBy,
    "equivalent": Equivalent,
    "ordering": Ordering,
    "collapsed": Collapsed,
    "flat": Flat,
    "drawdown": Drawdown,
    "faster_to": FasterTo,
    "distribution": Distribution,
    "exact": Exact,
    "untestable": Untestable,
}
