"""The progress bars of downloads."""

from __future__ import annotations

from threading import RLock

from tqdm import tqdm

# Its own lock is shared with forked processes: one that is killed while it holds it would stop all others for ever.
tqdm.set_lock(RLock())


def bar_of(name: str, total: int, *, shown: bool) -> tqdm:
    """A bar that counts bytes."""
    return tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=not shown)
