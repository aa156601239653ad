"""Components that only tests have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sirenbench.names import arms_of, options_of, parse_name

T = TypeVar("T")


@contextmanager
def listed(components: dict[str, T], **added: T) -> Iterator[None]:
    """The components of a catalog and these, as if files of the package held them.

    Which names there are is remembered, as a process's files do not change: on both sides that is forgotten.
    """
    before = dict(components)
    components |= added
    _forget_names()
    try:
        yield
    finally:
        components.clear()
        components |= before
        _forget_names()


def _forget_names() -> None:
    for remembered in (arms_of, options_of, parse_name):
        remembered.cache_clear()
