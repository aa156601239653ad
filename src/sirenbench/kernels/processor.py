"""Loops on a CPU in C: sine and cosine of an array in one pass, NumPy's to the last bit, in a fifth of the time.

``processor.c`` beside this file is compiled once by the machine's C compiler, into a folder of the user's own. Where
there is no compiler, or what it made has other bits than NumPy (PyTorch, for ``kernels.jets``), they are asked: the
difference is one of time alone.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

log = logging.getLogger(__name__)

# From z to sine and, if it is given, cosine, all contiguous float32 of one shape; whether it could.
Sines: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray | None], bool]

_SOURCE = Path(__file__).with_name("processor.c")
# No reordering and no contraction that is not written: the bits have to be those of NumPy and PyTorch.
_FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-shared", "-fPIC")


def sines(z: np.ndarray, *out: np.ndarray) -> None:
    """Write sin z and, if there is room for it, cos z to ``out``: float32, of one shape."""
    compiled = _compiled()
    are_plain = all(array.flags.c_contiguous for array in (z, *out))
    if compiled and are_plain and compiled(z, out[0], out[1] if len(out) > 1 else None):
        return
    for numpys, result in zip((np.sin, np.cos), out, strict=False):
        numpys(z, out=result)


@cache
def _compiled() -> Sines | None:
    """The compiled function, if it can be had and has the bits of NumPy."""
    try:
        function = _load(library())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        log.info("no loops in C, NumPy and PyTorch take more time: %s", error)
        return None
    far, near = np.linspace(-71_000, 71_000, 50_001, dtype=np.float32), np.linspace(-99, 99, 50_001, dtype=np.float32)
    for z in (far, near):
        ours = np.empty((2, len(z)), np.float32)
        is_done = function(z, ours[0], ours[1])
        if not is_done or not np.array_equal(ours, [np.sin(z), np.cos(z)]):
            return None
    return function


def _load(loops: ctypes.CDLL) -> Sines:
    function = loops.sines
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)
    function.restype = ctypes.c_int

    def call(z: np.ndarray, sine: np.ndarray, cosine: np.ndarray | None) -> bool:
        second = None if cosine is None else cosine.ctypes.data
        return not function(z.ctypes.data, sine.ctypes.data, second, z.size)

    return call


def library() -> ctypes.CDLL:
    """The compiled loops, made if they are not there.

    Raises
    ------
    OSError, RuntimeError, subprocess.SubprocessError
        If they cannot be had: no home folder, no room, no compiler.
    """
    key = hashlib.sha256(_SOURCE.read_bytes() + repr((_FLAGS, _processor())).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sirenbench-kernels"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{key}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = Path(place, path.name)
            words = ["cc", *_FLAGS, str(_SOURCE), "-o", str(made)]
            subprocess.run(words, check=True, capture_output=True, timeout=60)
            made.chmod(0o700)  # whatever the umask: what others could write is not run
            made.replace(path)
    for part in (folder, path):
        _check_own(part)
    return ctypes.CDLL(str(path))


def _check_own(path: Path) -> None:
    """Raise OSError if anybody else could have put it there: it will be run."""
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{path} can be written by others")


def _processor() -> str:
    """For which instructions it is compiled; a home folder may be shared by unlike machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
