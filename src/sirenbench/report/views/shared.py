"""Pictures that stand on the page more than once: they are embedded once, and drawn from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def shared(uris: Iterable[str]) -> dict[str, str]:
    """The ids of the pictures that occur more than once, by their data URIs, in the order of their appearance."""
    repeated = [uri for uri, times in Counter(uris).items() if uri and times > 1]
    return {uri: f"picture-{index}" for index, uri in enumerate(repeated, start=1)}
