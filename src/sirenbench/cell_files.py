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
    import pyarrow.parquet as pq

MOST_BYTES = 2**32  # of one file, unpacked

# What there is in the Parquet files that sirenbench writes.
_TYPES = {"BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE", "BYTE_ARRAY"}
_COMPRESSIONS = {"UNCOMPRESSED", "SNAPPY"}
_ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}


def read_images(path: Path) -> dict[str, np.ndarray]:
    """The arrays of ``images.npz``, by name. Raises RecordError if it is damaged or missing."""
    try:
        return arrays_in(path)
    except Exception as error:
        raise _damaged(path, error) from error


def read_curves(path: Path) -> dict[str, np.ndarray]:
    """The columns of ``curves.parquet``, by name. Raises RecordError if it is damaged or missing."""
    import pyarrow as pa

    try:
        table = read_table(path)
        for field in table.schema:
            if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
                raise ValueError(f"the column {shown(field.name)} is not of numbers")
        return {name: table[name].to_numpy() for name in table.column_names}
    except Exception as error:
        raise _damaged(path, error) from error


def read_table(path: Path) -> pa.Table:
    """A Parquet file, its texts as dictionaries: a page of a few bytes can repeat a long text a million times.

    Raises
    ------
    ValueError
        If it is of another make than sirenbench's files, or would be larger than those are. A damaged or hostile file
        can make it raise anything.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        table = pq.read_table(file, read_dictionary=_checked_texts(pq.read_metadata(file)))
    written_out = 0
    for column in table.columns:
        for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
            written_out += pc.sum(pc.take(pc.binary_length(chunk.dictionary), chunk.indices)).as_py() or 0
    _check_bytes(written_out, "its texts")
    return table


def _checked_texts(about: pq.FileMetaData) -> list[str]:
    """The columns of texts of a Parquet file that is made as ours are, and no larger. Raises ValueError."""
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    columns = [about.schema.column(number) for number in range(about.num_columns)]
    _check_bytes(8 * len(columns) * sum(group.num_rows for group in groups), "its rows")
    _check_bytes(sum(chunk.total_uncompressed_size for chunk in chunks), "its pages")
    # Others can hold a list of any length in a row, or pack far more into a page than it says.
    foreign = {column.physical_type for column in columns} - _TYPES
    foreign |= {"LIST" for column in columns if column.max_repetition_level}
    foreign |= {chunk.compression for chunk in chunks} - _COMPRESSIONS
    foreign |= {encoding for chunk in chunks for encoding in chunk.encodings} - _ENCODINGS
    if foreign:
        raise ValueError(f"it has {', '.join(sorted(foreign))}, which no table of sirenbench has")
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


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
