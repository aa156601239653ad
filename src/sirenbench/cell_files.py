"""Reading the arrays of a cell's folder, which may be damaged: what is there, or a message.

Nothing is unpickled, and no more is unpacked than a cell can have written.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sirenbench.assets.status import sha256_of
from sirenbench.errors import shown
from sirenbench.records import CellRecord, RecordError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = 2**32  # of one file, unpacked


def read_images(path: Path) -> dict[str, np.ndarray]:
    """The arrays of ``images.npz``, by name. Raises RecordError if it is damaged or missing."""
    try:
        return arrays_in(path)
    except Exception as error:
        raise _damaged(path, error) from error


def read_curves(path: Path) -> dict[str, np.ndarray]:
    """The columns of ``curves.parquet``, by name. Raises RecordError if it is damaged or missing."""
    try:
        table = read_table(path, of_numbers=True)
        return {name: table[name].to_numpy() for name in table.column_names}
    except Exception as error:
        raise _damaged(path, error) from error


def read_table(path: Path, *, of_numbers: bool = False) -> pa.Table:
    """A Parquet file, its texts as dictionaries: a page of a few bytes can repeat a long text a million times.

    Parameters
    ----------
    of_numbers
        Whether it has nothing else.

    Raises
    ------
    ValueError
        If it is larger than sirenbench's files are, or of something else. A damaged file can make it raise anything.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    kinds = "numbers" if of_numbers else "numbers or texts"
    with path.open("rb") as file:
        about = pq.read_metadata(file)
        schema = about.schema.to_arrow_schema()
        # No more is asked of the columns here: where their chunks are damaged, Arrow ends the process that asks.
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        _check_bytes(8 * len(schema) * sum(group.num_rows for group in groups), "its rows")
        _check_bytes(sum(group.total_byte_size for group in groups), "its pages")
        texts = [field.name for field in schema if not pa.types.is_primitive(field.type)]
        for name in texts:
            if of_numbers or not _is_text(schema.field(name).type):
                raise ValueError(f"the column {shown(name)} is not of {kinds}")
        table = pq.read_table(file, read_dictionary=texts)
    written_out = 0
    for column in table.columns:
        for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
            written_out += pc.sum(pc.take(pc.binary_length(chunk.dictionary), chunk.indices)).as_py() or 0
    _check_bytes(written_out, "its texts")
    return table


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _check_bytes(found: int, what: str) -> None:
    if found > MOST_BYTES:
        raise ValueError(f"{what} would take {found:,} bytes of memory, more than the {MOST_BYTES:,} that are allowed")


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
