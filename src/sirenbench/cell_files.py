"""Reading the arrays of a cell's folder, which may be damaged: what is there, or a message.

Nothing is unpickled, and no more is unpacked than a cell can have written.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from sirenbench.assets.status import sha256_of
from sirenbench.errors import shown
from sirenbench.records import CellRecord, RecordError

MOST_BYTES = 2**32  # of one file, unpacked


def read_images(path: Path) -> dict[str, np.ndarray]:
    """The arrays of ``images.npz``, by name. Raises RecordError if it is damaged or missing."""
    try:
        return arrays_in(path)
    except Exception as error:
        raise _damaged(path, error) from error


def read_curves(path: Path) -> dict[str, np.ndarray]:
    """The columns of ``curves.parquet``, by name. Raises RecordError if it is damaged or missing."""
    import pyarrow.parquet as pq

    try:
        check_size(path)
        table = pq.read_table(path, partitioning=None)
        return {name: table[name].to_numpy() for name in table.column_names}
    except Exception as error:
        raise _damaged(path, error) from error


def check_size(path: Path) -> None:
    """Raise ValueError for a Parquet file of more rows than sirenbench writes; a damaged one can raise anything."""
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    rows, columns = about.num_rows, about.num_columns
    if rows * columns * 8 > MOST_BYTES:
        raise ValueError(f"{rows:,} rows of {columns:,} columns are more than a cell writes")


def check_is_of(record: CellRecord, path: Path) -> None:
    """Raise RecordError unless a file of a cell's folder is the one that the record tells of.

    A flipped bit of a table may be read as another number, and a file of another run always is.
    """
    digest = record.files.get(path.name)
    if digest and sha256_of(path) != digest:
        raise RecordError(f"{path} is not what its record tells of; delete cell.json beside it to run the cell again")


def arrays_in(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz``, by name. A damaged file can make it raise almost anything."""
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"unpacked it would have more than {MOST_BYTES:,} bytes")
        return {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _damaged(path: Path, error: Exception) -> RecordError:
    reason = shown(str(error) or type(error).__name__)
    return RecordError(f"{path} cannot be read ({reason}); delete cell.json beside it to run the cell again")
