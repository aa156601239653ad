"""The readers that are attacked, each with valid seeds and with what has to hold of a result."""

from __future__ import annotations

import io
import json
import math
import pickle
import random
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import h5py
import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import save

from sirenbench.activation_statistics import Statistics
from sirenbench.adhoc import fetch_assets, job_of
from sirenbench.assets.archives import take_from_sdist
from sirenbench.assets.sources import download
from sirenbench.assets.status import AssetStatus, read_status
from sirenbench.baselines.external import load_network
from sirenbench.baselines.generators.keras import _read as read_h5
from sirenbench.cell_files import read_curves, read_images
from sirenbench.claims.judge import write_claims
from sirenbench.claims.load import load_claims
from sirenbench.claims.summary import summary
from sirenbench.claims.verdicts import FILE
from sirenbench.collect import RESULTS, RUN, collect, reading
from sirenbench.config import load
from sirenbench.config.assets import ZipMemberSource
from sirenbench.config.yaml import read_yaml
from sirenbench.engine import checkpoint
from sirenbench.errors import UserError
from sirenbench.images.pictures import open_picture, prepare
from sirenbench.metrics.ids import parse_metric
from sirenbench.names import parse_name
from sirenbench.progress import Beat, read_heartbeat
from sirenbench.records import Scores, folder_of, read_record, read_scores
from sirenbench.report.comparison import compared, in_words
from sirenbench.report.scorecard import read_scorecard
from sirenbench.status import standing
from sirenbench.verify import verify
from sirenbench.weights.files import read_state_dict
from sirenbench.weights.numpy_pickle import read_arrays
from sirenbench.worker.evaluate import restored
from sirenbench.worker.job import run
from sirenbench.worker.train import train
from sirenbench.workflow import Workflow
from snakemake_executor_plugin_submitit.ledger import Ledger
from snakemake_executor_plugin_submitit.outcomes import Outcomes
from trust.fuzz import Target

ROOT = Path(__file__).parents[2]
CELL = "activations/tile-16/siren-2x8/steps=3/replicates=2"
_IDENTITY = {"cell": CELL, "numerics": "engine1"}
_CONFIG = b"""run: small
title: A run
metrics: [psnr@border=4, ssim@window=gaussian]
resources: {threads: 1, mem_mb: 2000}
assets:
  mine: {source: path, path: tile.png, licence: mine, sha256: 0123456789abcdef}
images:
  tile: {path: tile.png}
  other: {asset: mine, crop: center}
studies:
  fitting: &study
    title: A study
    grid: {task: activations, image: tile, size: 16, arm: siren, depth: 2, width: 8, steps: 3, replicates: 2}
  more:
    <<: *study
    title: Another
    grid: {task: [fit], image: tile, size: [8, 16], arm: [siren, relu], depth: [1, 2], width: 8, lr: 1e-4}
    exclude: [{arm: relu, depth: 1}]
"""
_MEMBER = "folder/picture.png"


def targets(folder: Path) -> Iterator[Target]:
    """All of them. ``folder`` is the current one, and becomes a project with a finished cell."""
    cell = _finished_cell(folder)
    yield from _texts(folder)
    yield from _pictures()
    yield from _weights()
    yield from _records(folder, cell)
    yield from _collected(folder)
    yield from _of_the_plugin(folder)
    yield from _archives(folder)


def _finished_cell(folder: Path) -> Path:
    (folder / "config").mkdir()
    (folder / "config/assets.yaml").write_text("assets: {}\n")
    (folder / "config/paper.yaml").write_text("run: paper\n")
    (folder / "config/config.yaml").write_bytes(_CONFIG)
    Image.fromarray(_pixels(3)).save(folder / "config/tile.png")
    bench, results = Workflow(), Path("results")
    fetch_assets([CELL], bench, results)
    run(job_of(CELL, bench, results), train)
    return folder_of(folder / "results", CELL)


def _pixels(channels: int = 1) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 256, (24, 24, channels), dtype=np.uint8)
    return values[:, :, 0] if channels == 1 else values


def _texts(folder: Path) -> Iterator[Target]:
    names = (
        *("fit/cameraman-256/siren-3x256/first_init=xavier_normal/steps=1000", "sr/a.b_c-512-x8/bicubic"),
        *("sr/cameraman-512-x4/siren+pe+vgg-3x512/feature_weights=trained/lr=0.0005", CELL),
        *("poisson/starfish-64/relu-2x64/supervision=laplacian/form=norm/channel=rgb", "sr/a-64-x2/srgan"),
    )

    def name(path: Path) -> None:
        text = path.read_bytes().decode(errors="surrogateescape")
        spec = parse_name(text)
        assert spec.name == text
        assert parse_name(spec.name) is spec
        place = folder_of(folder / "results", spec.name).resolve()
        assert place.is_relative_to(folder / "results/cells")

    def metric(path: Path) -> None:
        text = path.read_bytes().decode(errors="surrogateescape")
        assert parse_metric(text).text == text

    claims = _few_claims()
    yield Target("cell names", tuple(map(str.encode, names)), name)
    yield Target("metric ids", (b"psnr@y,border=4,align=affine", b"ssim@window=gaussian", b"lpips"), metric)
    yield Target("configuration", (_CONFIG,), lambda path: load([path]), "config/fuzzed.yaml", cost=8)
    yield Target("claims", (claims,), load_claims, "claims.yaml", cost=20)


def _few_claims() -> bytes:
    content = read_yaml(ROOT / "config/claims.yaml")
    groups = ("setup", "fitting", "omega", "poisson")
    content["claims"] = {group: dict(list(content["claims"][group].items())[:3]) for group in groups}
    return yaml.safe_dump(content, sort_keys=False).encode()


def _pictures() -> Iterator[Target]:
    def encoded(form: str, channels: int = 1, mode: str = "", **options: Any) -> bytes:
        stream = io.BytesIO()
        picture = Image.fromarray(_pixels(channels))
        (picture.convert(mode) if mode else picture).save(stream, form, **options)
        return stream.getvalue()

    def picture(path: Path) -> None:
        opened = prepare(open_picture(path), crop="center", channel="rgb")
        assert opened.mode == "RGB"
        assert opened.width == opened.height >= 8

    exif = Image.Exif()
    exif[0x0112] = 6
    seeds = (
        *(encoded("PNG"), encoded("PNG", 3), encoded("PNG", 3, "P"), encoded("PNG", 3, "RGBA"), encoded("JPEG", 3)),
        *(encoded("TIFF", 3), encoded("TIFF", 1, compression="tiff_lzw"), encoded("WEBP", 3), encoded("GIF", 3, "P")),
        encoded("JPEG", 1, exif=exif),
    )
    yield Target("pictures", seeds, picture, cost=2)


def _weights() -> Iterator[Target]:
    state = {"a.weight": torch.arange(12.0).reshape(3, 4), "a.bias": torch.zeros(3), "n": torch.tensor(3)}
    streams = [io.BytesIO() for _ in range(2)]
    torch.save(state, streams[0])
    torch.save({"params": state, "epoch": 3, "args": ["a", 1.5]}, streams[1], _use_new_zipfile_serialization=False)
    torch_files = tuple(stream.getvalue() for stream in streams)
    arrays = {"Net_0": {"Conv_0": {"kernel": np.ones((3, 3, 2, 2), "f4"), "bias": np.zeros(2, "f8")}}}

    def state_dict(path: Path) -> None:
        assert isinstance(read_state_dict(path), dict)

    def pickled(path: Path) -> None:
        for values in read_arrays(path).values():
            assert values.dtype.kind in "fiu"
            values.sum()

    with h5py.File(io.BytesIO(), "w") as file:
        file["conv/kernel:0"] = np.ones((3, 3, 2, 2), "f4")
        file["conv/bias:0"] = np.zeros(2, "f4")
        file.flush()
        hdf5 = file.id.get_file_image()
    layout = {"conv/kernel:0": (3, 3, 2, 2), "conv/bias:0": (2,)}

    yield Target("PyTorch files", torch_files, state_dict, "input.pth", cost=4)
    yield Target("safetensors files", (save(state),), state_dict, "input.safetensors", cost=2)
    yield Target("pickled arrays", tuple(pickle.dumps(arrays, p) for p in (2, 4, 5)), pickled)
    yield Target("HDF5 files", (hdf5,), lambda path: read_h5(path, layout), "input.h5", cost=4)
    yield Target("networks of a user", _networks(), load_network, "network.pth", cost=100)


def _networks() -> tuple[bytes, ...]:
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    stream = io.BytesIO()
    torch.save(Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2).state_dict(), stream)
    return (stream.getvalue(),)


def _records(folder: Path, cell: Path) -> Iterator[Target]:
    seed = {path.name: path.read_bytes() for path in cell.iterdir() if path.is_file()}
    status = (folder / "results/assets/tile.file.json").read_bytes()
    scores = Scores(metric="psnr@y", values=(math.inf, 3.25), reason="", record_sha256="0" * 64)
    beat = Beat(name=CELL, step=3, steps=9, psnr=21.5, seconds_left=4.0, updated=1.8e9)
    spec = parse_name(CELL)
    saved = folder / "checkpoint.safetensors"
    checkpoint.save(saved, {"parameters": torch.ones(2, 3), "step": torch.tensor(3)}, _IDENTITY)
    here, results, bench = str(cell.relative_to(folder)), folder / "results", Workflow()
    cells = {"fitting": [spec]}

    def in_the_cell(file: str, read: Callable[[], Any]) -> Callable[[Path], Any]:
        """The reader, for a file of the cell, which is put back when all is over."""

        def reader(path: Path) -> None:
            try:
                read()
            finally:
                path.write_bytes(seed.get(file, b""))

        return reader

    def with_odd_integers() -> None:
        path = cell / "cell.json"
        draw, content = random.Random(path.read_bytes()), json.loads(seed["cell.json"])
        places = list(_integers(content))
        for node, key in draw.sample(places, draw.choice((1, 1, 1, 2, len(places)))):
            node[key] = draw.choice(_ODD)
        path.write_text(json.dumps(content))
        standing(results, CELL)
        collect(bench.main.config, cells, results, folder / "collected")
        record = read_record(path)
        found = [node[key] for node, key in _integers(record.model_dump(exclude={"spec"}))]
        assert all(type(number) is int and 0 <= number < 2**63 for number in found), found
        assert len({one.seed for one in record.replicates}) == len(record.replicates)

    def damaged_checkpoint(path: Path) -> None:
        found = checkpoint.load(path, _IDENTITY)
        assert found is None or set(found) == {"parameters", "step"}
        for left in (path, checkpoint.previous(path), checkpoint.aside(path)):
            left.unlink(missing_ok=True)

    yield Target("asset statuses", (status,), lambda path: _is_typed(read_status(path), AssetStatus))
    yield Target("records", (seed["cell.json"],), read_record, "cell.json", cost=2)
    yield Target("scores", (scores.model_dump_json().encode(),), read_scores)
    yield Target(
        "signs of life", (beat.model_dump_json().encode(),), lambda path: read_heartbeat(path.parent), "progress.json"
    )
    yield Target("curves", (seed["curves.parquet"],), read_curves, "curves.parquet", cost=2)
    yield Target("images", (seed["images.npz"],), read_images, "images.npz", cost=2)
    yield Target("statistics", (seed["activations.npz"],), Statistics.read, "activations.npz", cost=4)
    yield Target(
        "weights of a cell", (seed["weights.safetensors"],), lambda path: restored(spec, path), "w.safetensors"
    )
    yield Target("checkpoints", (saved.read_bytes(),), damaged_checkpoint, "run.safetensors", cost=2)
    record = f"{here}/cell.json"
    yield Target(
        "records, status",
        (seed["cell.json"],),
        in_the_cell("cell.json", lambda: standing(results, CELL).progress),
        record,
        cost=4,
    )
    yield Target(
        "records, integers",
        (b"which integers become what",),  # the draw, not the record
        in_the_cell("cell.json", with_odd_integers),
        record,
        cost=20,
    )
    yield Target(
        "records, collected",
        (seed["cell.json"],),
        in_the_cell("cell.json", lambda: collect(bench.main.config, cells, results, folder / "collected")),
        record,
        cost=50,
    )
    yield Target(
        "records, verified",
        (seed["cell.json"],),
        in_the_cell("cell.json", lambda: verify(CELL, results, bench)),
        record,
        cost=100,
    )


_ODD = (
    *(2**31, 2**63 - 1, 2**63, 2**70, 10**400, -1, -(2**63), 0, 1),
    *(True, False, 0.0, -0.0, 1.5, 1e300, "3", "-3", "0x3", "1e3", "", None, [1], {}),
)


def _integers(content: Any) -> Iterator[tuple[Any, Any]]:
    """Where there are integers in what JSON holds: a list or an object, and the place in it."""
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        if type(value) is int:
            yield content, key
        elif isinstance(value, dict | list | tuple):
            yield from _integers(value)


def _collected(folder: Path) -> Iterator[Target]:
    """The files of a collected run, which may be somebody else's: what is compared, summed up, and drawn."""
    bench, made, other = Workflow(), folder / "collected", folder / "other"
    collect(bench.main.config, bench.main.cells, folder / "results", made)
    (folder / "claims.yaml").write_bytes(_few_claims())
    write_claims(bench.main.config, bench.main.cells, folder / "results", made, folder / "claims.yaml")
    shutil.copytree(made, other)
    seed = {path.name: path.read_bytes() for path in made.iterdir()}
    # The hash in run.json is the first thing that is wrong with an altered table: here it is left out.
    seed[RUN] = re.sub(rb'"table": "[0-9a-f]+"', b'"table": ""', seed[RUN])
    (other / RUN).write_bytes(seed[RUN])

    def of(file: str, read: Callable[[], Any]) -> Callable[[Path], Any]:
        def reader(path: Path) -> None:
            try:
                read()
            finally:
                path.write_bytes(seed[file])

        return reader

    def scorecard() -> None:
        with reading(other / FILE):
            read_scorecard(other, ())

    for file in (RUN, RESULTS):
        yield Target(
            f"{file}, compared",
            (seed[file],),
            of(file, lambda: in_words(compared(made, other))),
            f"other/{file}",
            cost=20,
        )
    for file in (RUN, RESULTS, FILE):
        yield Target(f"{file}, summed up", (seed[file],), of(file, lambda: summary(other)), f"other/{file}", cost=4)
    yield Target(f"{FILE}, drawn", (seed[FILE],), of(FILE, scorecard), f"other/{FILE}", cost=2)


def _of_the_plugin(folder: Path) -> Iterator[Target]:
    entry = {"key": "a1-0", "mark": "sirenbench-1", "number": 3, "id": "42_1"}
    outcome = {"exit": -9, "reason": "out of memory", "host": "n1", "started": 1.5e9, "ended": 1.6e9}

    known = (UserError, RecursionError)  # test_hostile.py has them as open
    yield Target(
        "ledger",
        (json.dumps(entry).encode(),),
        lambda path: Ledger(path.parent).read(path.stem),
        "j.json",
        told=known,
    )
    yield Target(
        "outcomes",
        (json.dumps(outcome).encode(),),
        lambda path: Outcomes(path.parent).read(path.stem),
        "k.json",
        told=known,
    )


def _is_typed(found: object, kind: type) -> bool:
    """Whether every attribute is of its declared type."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if hint in (int, str, float)}
    wrong = [
        name
        for name, hint in hints.items()
        if not isinstance(getattr(found, name), int | float if hint is float else hint)
    ]
    assert not wrong, f"{kind.__name__} with {wrong[0]} = {getattr(found, wrong[0])!r}"
    return True


def _archives(folder: Path) -> Iterator[Target]:
    taken = folder / "taken"

    def zipped(path: Path) -> None:
        download(ZipMemberSource(source="zip-member", url=str(path), member=_MEMBER, licence=""), taken, progress=False)

    streams = [io.BytesIO() for _ in range(3)]
    for stream, how in zip(streams, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), strict=False):
        with zipfile.ZipFile(stream, "w", how) as archive:
            archive.writestr(_MEMBER, bytes(range(256)))
            archive.writestr("../../evil", b"outside")
    with tarfile.open(fileobj=streams[2], mode="w") as archive:
        for name, link in ((f"top/{_MEMBER}", ""), ("../../evil", ""), ("top/link", "../../evil")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
            member.size = 0 if link else 256
            archive.addfile(member, io.BytesIO(bytes(range(256))))
    zips, tars = tuple(stream.getvalue() for stream in streams[:2]), (streams[2].getvalue(),)
    told = (UserError, OSError)  # who fetches tells the latter

    def source(path: Path) -> None:
        take_from_sdist(path, _MEMBER, taken)

    yield Target("zip archives", zips, zipped, "input.zip", cost=2, told=told)
    yield Target("source archives", tars, source, "input.tar", cost=2, told=told)
