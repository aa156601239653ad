"""``sirenbench verify`` passes what is right, and finds whatever was altered."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sirenbench import catalog
from sirenbench.assets.status import sha256_of
from sirenbench.cli import main
from sirenbench.losses import vgg
from sirenbench.names import add_ons, arms_of
from sirenbench.records import folder_of
from sirenbench.verify import Verdict, cells_of, sample_of, verify
from sirenbench.worker.evaluate import evaluate
from sirenbench.workflow import Workflow

RESULTS = Path("results")
SIREN = "fit/tile-16/siren-1x8/steps=3/replicates=2"
BICUBIC = "sr/tile-16-x2/bicubic"
OF_EACH_TASK = (
    SIREN,
    "poisson/tile-16/siren-1x8/supervision=laplacian/steps=3/replicates=2",
    "sr/tile-16-x2/siren+pe-1x8/steps=3/eval_every=2/replicates=2",
    "activations/tile-16/siren-2x8/steps=3/replicates=2",
    BICUBIC,
)


# What PyTorch sums in an order that depends on its threads: float64 round-off of two moments of the layers, float32
# round-off of the value of a loss of features (its derivative, and so the training, has the same bits).
ROUNDED = ("activations.npz: skewness: ", "activations.npz: kurtosis: ", "curves.parquet: loss: 1 of ")


def checked(name: str, **options: object) -> Verdict:
    try:
        return verify(name, RESULTS, Workflow(), **options)  # type: ignore[arg-type]
    finally:
        torch.set_num_threads(1)


def every_arm() -> list[str]:
    """One small cell of every arm of every task; more pixels than a chunk, so that two threads have something to do.

    The arm ``external`` is whatever its user has.
    """
    names = []
    for task in catalog.tasks().values():
        data = "tile-80-x2" if task.has_factor else "tile-40"
        for arm in arms_of(task.name):
            if arm in catalog.baselines():
                names += [] if arm == "external" else [f"{task.name}/{data}/{arm}"]
                continue
            with_loss = "/features=vgg16" if add_ons(arm)[1] else ""
            names.append(f"{task.name}/{data}/{arm}-2x8{with_loss}/steps=3/replicates=2")
    return names


@pytest.mark.slow
@pytest.mark.parametrize("name", every_arm())
def test_every_task_and_arm_has_the_same_bits_again_with_one_thread_and_with_two(
    name: str, made: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vgg, "SIDE", 32)  # instead of 224 pixels, 49 times as fast
    made(name, threads=1)
    assert checked(name) == Verdict(name, "verified")
    assert checked(name, retrain=True, threads=1) == Verdict(name, "verified")
    assert [reason for reason in checked(name, retrain=True, threads=2).reasons if not reason.startswith(ROUNDED)] == []


@pytest.mark.slow
def test_a_loss_that_is_trained_along_has_the_same_bits_with_the_same_threads(
    made: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vgg, "SIDE", 32)
    name = "sr/tile-32-x2/siren+vgg-1x8/features=vgg16/feature_weights=trained/steps=2/replicates=1"
    made(name)
    assert checked(name) == Verdict(name, "verified")
    assert checked(name, retrain=True) == Verdict(name, "verified")


@pytest.mark.parametrize("name", OF_EACH_TASK)
def test_a_good_cell_of_each_task_is_verified_and_left_as_it_is(name: str, made: Callable) -> None:
    made(name)
    before = {path: path.read_bytes() for path in RESULTS.rglob("*") if path.is_file()}
    assert checked(name) == Verdict(name, "verified")
    assert checked(name, retrain=True) == Verdict(name, "verified")
    assert {path: path.read_bytes() for path in RESULTS.rglob("*") if path.is_file()} == before


def test_a_diverged_cell_is_verified_too(made: Callable) -> None:
    name = "fit/tile-16/relu-16x64/lr=10/steps=5/replicates=2"
    assert made(name).state == "diverged"
    assert checked(name) == Verdict(name, "verified")


# How a stored file is altered: one value of it, as little as can be.


def one_weight(folder: Path) -> None:
    tensors = load_file(folder / "weights.safetensors")
    tensors["layers.1.weight"][1, 0, 0] += 1e-3
    save_file(tensors, folder / "weights.safetensors")


def weights_of_another_shape(folder: Path) -> None:
    tensors = load_file(folder / "weights.safetensors")
    tensors["layers.1.bias"] = tensors["layers.1.bias"][:, :1].clone()  # which would spread over all features
    save_file(tensors, folder / "weights.safetensors")


def one_pixel(folder: Path) -> None:
    with np.load(folder / "images.npz") as archive:
        arrays = dict(archive)
    arrays["prediction"][3, 4] ^= 1
    np.savez_compressed(folder / "images.npz", **arrays)


def the_last_score(folder: Path) -> None:
    table = pq.read_table(folder / "curves.parquet").to_pandas()
    table.loc[len(table) - 1, "psnr"] += 0.5
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), folder / "curves.parquet")


def fewer_curves(folder: Path) -> None:
    table = pq.read_table(folder / "curves.parquet")
    pq.write_table(table.slice(0, 2), folder / "curves.parquet")


def no_picture_at_all(folder: Path) -> None:
    (folder / "images.npz").write_bytes(b"nothing")


@pytest.mark.parametrize(
    ("alter", "file", "told"),
    [
        (one_weight, "weights.safetensors", "replicates[1].metrics.psnr.last: stored "),
        (weights_of_another_shape, "weights.safetensors", "layers.1.bias has the shape (2, 1), not (2, 8)"),
        (one_pixel, "images.npz", "images.npz: prediction: 1 of 256 values are others"),
        (the_last_score, "curves.parquet", "curves.parquet: psnr: 1 of 8 values are others"),
        (fewer_curves, "curves.parquet", "curves.parquet has no 8 values of loss"),
        (no_picture_at_all, "images.npz", "images.npz cannot be read"),
    ],
)
def test_an_altered_file_is_found_by_its_hash_and_without_it_by_its_numbers(
    alter: Callable[[Path], None], file: str, told: str, made: Callable
) -> None:
    made(SIREN)
    folder = folder_of(RESULTS, SIREN)
    alter(folder)
    verdict = checked(SIREN)
    assert verdict.state == "differs"
    assert f"{file} is not the file that the record names" in verdict.reasons[0]
    amend(folder, files={**json.loads((folder / "cell.json").read_text())["files"], file: sha256_of(folder / file)})
    verdict = checked(SIREN)
    assert verdict.state == "differs"
    assert any(told in reason for reason in verdict.reasons), verdict.reasons


def amend(folder: Path, **changes: object) -> None:
    """Change the record; ``replicates__0__seed`` is a place in it."""
    record = json.loads((folder / "cell.json").read_text())
    for place, value in changes.items():
        *way, last = (int(word) if word.isdigit() else word for word in place.split("__"))
        node = record
        for word in way:
            node = node[word]
        node[last] = value(node[last]) if callable(value) else value
    (folder / "cell.json").write_text(json.dumps(record))


@pytest.mark.parametrize("number", ["last", "best", "best_step", "tail", "drawdown"])
@pytest.mark.parametrize("metric", ["psnr", "ssim"])
def test_a_score_that_was_altered_in_the_record_is_found(metric: str, number: str, made: Callable) -> None:
    made(SIREN)
    more = 1 if number == "best_step" else 1e-9
    amend(folder_of(RESULTS, SIREN), **{f"replicates__1__metrics__{metric}__{number}": lambda value: abs(value - more)})
    (reason,) = checked(SIREN).reasons
    assert reason.startswith(f"replicates[1].metrics.{metric}.{number}: stored ")


@pytest.mark.parametrize("device", ["the record's", "another"])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"replicates__0__seed": 7}, "replicates[0].seed: stored 7, computed again 0"),
        ({"replicates__0__diverged": True}, "replicates[0].diverged: stored True, computed again False"),
        ({"replicates__0__final__gradient_psnr": "NaN"}, "replicates[0].final.gradient_psnr: stored nan"),
        ({"replicates": lambda all_of_them: all_of_them[:1]}, "replicates[1].replicate: is lacking"),
        ({"state": "diverged"}, "state: stored 'diverged', computed again 'ok'"),
        ({"parameters": 1}, "parameters: stored 1"),
        ({"metrics_every": 2}, "metrics_every: stored 2"),
        ({"replicates__1__replicate": 0}, "replicates[1].replicate: stored 0, computed again 1"),
        ({"image__pixels_sha256": "0" * 64}, "image.pixels_sha256: stored "),
        ({"image__asset_sha256": "0" * 64}, "image.asset_sha256: stored "),
        ({"spec__steps": 4}, "the record's configuration is not that of the name"),
        ({"name": BICUBIC}, f"the record is of {BICUBIC!r}"),
        ({"files": {}}, "files: stored []"),
        ({"provenance": None}, "the record does not say what it was made by"),
        ({"track": "nonsense"}, "is not a readable cell record"),
    ],
)
def test_anything_else_that_was_altered_in_the_record_is_found(
    changes: dict, told: str, device: str, made: Callable
) -> None:
    made(SIREN)
    if device == "another":
        amend(folder_of(RESULTS, SIREN), provenance__device="another processor")
    amend(folder_of(RESULTS, SIREN), **changes)
    verdict = checked(SIREN)
    assert verdict.state == "differs"
    assert any(told in reason for reason in verdict.reasons), verdict.reasons


def test_an_altered_baseline_is_found(made: Callable) -> None:
    made(BICUBIC)
    amend(folder_of(RESULTS, BICUBIC), replicates__0__metrics__psnr__last=40.0)
    assert checked(BICUBIC).reasons[0].startswith("replicates[0].metrics.psnr.last: stored 40.0, computed again ")


def test_only_training_again_finds_a_curve_that_was_altered_where_nothing_else_tells_of_it(made: Callable) -> None:
    made(SIREN)
    folder = folder_of(RESULTS, SIREN)
    table = pq.read_table(folder / "curves.parquet").to_pandas()
    table.loc[0, "loss"] = 0.5
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), folder / "curves.parquet")
    amend(folder, files={f.name: sha256_of(f) for f in folder.iterdir() if f.name != "cell.json"})
    assert checked(SIREN).state == "verified"
    assert checked(SIREN, retrain=True) == Verdict(
        SIREN, "differs", ("curves.parquet: loss: 1 of 8 values are others",)
    )


def test_another_picture_under_the_same_name_is_found(made: Callable, project: Path) -> None:
    made(SIREN)
    Image.open(project / "config/tile.png").rotate(90).save(project / "config/tile.png")
    verdict = checked(SIREN)
    assert verdict.state == "differs"
    assert any(reason.startswith("image.asset_sha256") for reason in verdict.reasons)


def test_further_scores_are_computed_again(made: Callable) -> None:
    from sirenbench.adhoc import job_of

    made(SIREN)
    target = folder_of(RESULTS, SIREN) / "metrics/ssim@window=gaussian.json"
    evaluate(job_of(SIREN, Workflow(), RESULTS), "ssim@window=gaussian", {}, target)
    assert checked(SIREN) == Verdict(SIREN, "verified")
    scores = json.loads(target.read_text())
    target.write_text(json.dumps(scores | {"values": [scores["values"][0], 1.0]}))
    (reason,) = checked(SIREN).reasons
    assert reason.startswith("metrics/ssim@window=gaussian.json: values[1]: stored 1.0, computed again ")
    target.write_text(json.dumps(scores | {"record_sha256": "0" * 64}))
    assert checked(SIREN).state == "differs"
    target.write_bytes(b"{")
    assert "is no readable file of scores" in checked(SIREN).reasons[0]


def test_what_cannot_be_checked_is_no_contradiction_and_no_success(made: Callable, project: Path) -> None:
    made(SIREN)
    assert checked(BICUBIC) == Verdict(BICUBIC, "unchecked", ("it has no record: it was not run, or it failed",))
    amend(folder_of(RESULTS, SIREN), provenance__device="another processor")
    told = ("within a thousandth: it ran on another processor",)
    assert checked(SIREN) == Verdict(SIREN, "verified", told)
    assert checked(SIREN, retrain=True).reasons == (
        "it was trained on another processor; only there it can be trained again with the same bits",
    )
    (project / "config/tile.png").write_bytes(b"")
    assert (checked(SIREN).state, "tile.png: is an empty file" in checked(SIREN).reasons[0]) == ("unchecked", True)
    amend(folder_of(RESULTS, SIREN), provenance__numerics="engine1")
    assert "its numbers are of another version (engine1; this is images" in checked(SIREN).reasons[0]


@pytest.mark.parametrize(("part", "title"), [("torch", "PyTorch"), ("numpy", "NumPy")])
def test_bits_are_asked_of_the_same_software_alone(part: str, title: str, made: Callable) -> None:
    made(SIREN)
    amend(
        folder_of(RESULTS, SIREN),
        replicates__0__metrics__psnr__last=lambda value: value + 1e-6,
        replicates__0__metrics__psnr__best_step=2,
    )
    assert checked(SIREN).state == "differs"
    amend(folder_of(RESULTS, SIREN), **{f"provenance__{part}": "1.0"})
    told = f"it ran on {title} 1.0"
    assert checked(SIREN) == Verdict(SIREN, "verified", (f"within a thousandth: {told}",))
    assert checked(SIREN, retrain=True).state == "unchecked"


def test_on_another_device_more_than_a_thousandth_is_a_difference(made: Callable) -> None:
    made(SIREN)
    amend(
        folder_of(RESULTS, SIREN),
        provenance__device="another processor",
        replicates__0__metrics__psnr__last=lambda value: value + 0.1,
    )
    assert checked(SIREN).reasons[0].startswith("replicates[0].metrics.psnr.last: stored ")


def test_a_cell_that_is_not_testable_has_nothing_to_verify(made: Callable) -> None:
    name = "fit/tile-256/siren-1x8/steps=3/replicates=1"
    made(name)
    verdict = checked(name)
    assert (verdict.state, verdict.is_good) == ("no-numbers", True)
    assert "ask for a size of at most 96" in verdict.reasons[0]


def test_a_folder_means_all_cells_in_it_and_those_that_nest(made: Callable) -> None:
    nested = f"{SIREN}/seed=4"
    for name in (SIREN, nested, BICUBIC):
        made(name)
    assert {name for _, name in cells_of(["results/cells/fit"], RESULTS)} == {SIREN, nested}
    assert {name for _, name in cells_of(["results", BICUBIC], RESULTS)} == {SIREN, nested, BICUBIC}
    assert cells_of([SIREN], RESULTS) == [(RESULTS, SIREN)]


def test_the_command_tells_each_cell_and_ends_with_its_status(made: Callable, capsys: pytest.CaptureFixture) -> None:
    made(SIREN)
    made(BICUBIC)
    main(["verify", "--run"])
    assert capsys.readouterr().out == f"verified   {SIREN}\nverified   {BICUBIC}\n2 verified\n"
    amend(folder_of(RESULTS, SIREN), replicates__0__metrics__psnr__last=40.0)
    with pytest.raises(SystemExit) as end:
        main(["verify", SIREN, "results/cells/sr"])
    assert end.value.code == "sirenbench: 1 of 2 could not be verified; the reasons stand above"
    told = capsys.readouterr().out
    assert told.startswith(f"differs    {SIREN}\n             replicates[0].metrics.psnr.last: stored 40.0, ")
    assert told.endswith(f"verified   {BICUBIC}\n1 verified, 1 differs\n")


def test_a_sample_is_always_of_the_same_cells(made: Callable, capsys: pytest.CaptureFixture) -> None:
    cells = [(RESULTS, f"{SIREN}/seed={number}") for number in range(1, 9)]
    some = sample_of(cells, 3)
    assert len(set(some)) == 3
    assert some == sorted(some) == sample_of(reversed(cells), 3)
    assert sample_of(cells, 20) == cells
    names = {name for _, name in sample_of([(RESULTS, SIREN), (RESULTS, BICUBIC)], 1)}
    for name in names:
        made(name)
    main(["verify", "--run", "--retrain", "--sample", "1"])
    assert capsys.readouterr().out == "".join(f"verified   {name}\n" for name in names) + "1 verified\n"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("number", ["0", "-1", "some"])
def test_a_sample_of_no_cells_is_a_mistake_of_the_command_line(number: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "--run", f"--sample={number}"])
    assert f"{number!r} is not a whole number of at least 1" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing to verify; name cells or a folder of them, or give --run"),
        (["config"], "config: no finished cell lies below this folder"),
        (["fit/tile-16/siren"], "lacks its depth and width"),
    ],
)
def test_a_word_that_means_no_cell_is_told(words: list[str], told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        main(["verify", *words])


def test_the_same_numbers_give_the_same_bytes(made: Callable) -> None:
    """So that hashes can be compared between two runs, too."""
    files = made(SIREN).files
    contents = {name: (folder_of(RESULTS, SIREN) / name).read_bytes() for name in files}
    again = made(SIREN).files
    assert again["weights.safetensors"] == files["weights.safetensors"]
    assert again["images.npz"] == files["images.npz"]
    first, second = (
        pq.read_table(io.BytesIO(content)).drop_columns("seconds")
        for content in (contents["curves.parquet"], (folder_of(RESULTS, SIREN) / "curves.parquet").read_bytes())
    )
    assert first.equals(second)
