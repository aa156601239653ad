"""Progress bars: tqdm, with a lock of this process alone.

Its own is shared with forked processes, and one that is killed while it holds it would stop all others for ever.
"""

from __future__ import annotations

from threading import RLock

from tqdm import tqdm

__all__ = ["tqdm"]

tqdm.set_lock(RLock())
