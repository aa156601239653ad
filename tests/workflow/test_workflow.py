"""What people do with the workflow, done for real on tiny cells."""

from __future__ import annotations

import http.server
import os
import re
import resource
import shutil
import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from .conftest import GRID, RELU, SIREN, Project, data, study

pytestmark = pytest.mark.slow


def test_a_run_ends_with_its_report_and_a_second_one_has_nothing_to_do(finished: Project) -> None:
    """Also after the whole folder was moved."""
    assert (finished.folder / "results/small/report.html").stat().st_size > 10_000
    assert {finished.record(name).state for name in (SIREN, RELU)} == {"ok"}
    for name in (SIREN, RELU):
        folder = finished.folder / "results/cells" / name
        assert sorted(path.name for path in folder.iterdir()) == [
            "cell.json",
            "curves.parquet",
            "images.npz",
            "weights.safetensors",
        ]
        assert (finished.folder / f"results/logs/cells/{name}.log").exists()
        assert (finished.folder / f"results/benchmarks/{name}.tsv").exists()
    code, output = finished.snakemake()
    assert code == 0
    assert "Nothing to be done" in output


def test_an_edited_picture_of_the_users_runs_its_cells_again(finished: Project) -> None:
    path = finished.folder / "config/tile.png"
    with Image.open(path) as picture:
        picture.rotate(90).save(path)
    assert finished.planned() == {"asset": 1, "train": 2, "collect": 1, "judge": 1, "report": 1, "all": 1}
    before = finished.record(SIREN)
    assert finished.snakemake()[0] == 0
    after = finished.record(SIREN)
    assert after.state == "ok"
    assert before.image is not None
    assert after.image is not None
    assert after.image.pixels_sha256 != before.image.pixels_sha256


def test_a_cell_that_no_configuration_lists_is_run_by_its_name_in_one_training_job(project: Project) -> None:
    name = "fit/tile-16/siren-1x4/first_omega=15/steps=2/replicates=1"
    target = f"results/cells/{name}/cell.json"
    assert project.planned(target) == {"asset": 1, "train": 1}
    code, output = project.snakemake(target)
    assert code == 0, output
    assert list(project.stamps()) == [name]
    assert project.record(name).spec["first_omega"] == 15


def test_the_profile_for_workstations_makes_the_same_cells(finished: Project) -> None:
    before = {name: finished.record(name) for name in (SIREN, RELU)}
    shutil.rmtree(finished.folder / "results")
    code, output = finished.snakemake("--profile", "profiles/workstation")
    assert code == 0, output
    assert (finished.folder / "results/small/report.html").exists()
    for name, record in before.items():
        made = finished.record(name)
        for file in ("weights.safetensors", "images.npz"):
            assert made.files[file] == record.files[file]


def test_a_deleted_cell_is_the_only_one_that_runs_again(finished: Project) -> None:
    before = finished.stamps()
    shutil.rmtree(finished.folder / "results/cells" / RELU)
    assert finished.planned() == {"train": 1, "collect": 1, "judge": 1, "report": 1, "all": 1}
    assert finished.snakemake()[0] == 0
    after = finished.stamps()
    assert after[SIREN] == before[SIREN]
    assert after[RELU] > before[RELU]


def test_one_changed_parameter_or_a_grown_grid_runs_only_the_new_cells(finished: Project) -> None:
    grown = GRID | {"depth": [1, 2]}
    finished.configure(
        run="small", images={"tile": {"path": "tile.png"}}, studies={"fitting": {"title": "T", "grid": grown}}
    )
    assert finished.planned() == {"train": 2, "collect": 1, "judge": 1, "report": 1, "all": 1}
    changed = GRID | {"lr": 0.001, "arm": "siren"}
    both = [GRID | {"arm": "relu"}, changed]
    finished.configure(
        run="small", images={"tile": {"path": "tile.png"}}, studies={"fitting": {"title": "T", "grid": both}}
    )
    assert finished.planned() == {"train": 1, "collect": 1, "judge": 1, "report": 1, "all": 1}


def test_words_in_the_configuration_train_nothing_again(finished: Project) -> None:
    finished.configure(
        run="small",
        title="Other words",
        device="cpu",
        images={"tile": {"path": "tile.png"}},
        studies={"fitting": study() | {"text": "more", "crops": {"a corner": [0, 0, 4, 4]}}},
    )
    assert finished.planned() == {"collect": 1, "judge": 1, "report": 1, "all": 1}


def test_another_recipe_for_an_image_runs_its_cells_again(finished: Project) -> None:
    recipe = {"path": "tile.png", "crop": "center"}
    finished.configure(run="small", images={"tile": recipe}, studies={"fitting": study()})
    assert finished.planned()["train"] == 2


def test_a_comment_in_a_script_or_in_the_library_runs_nothing_again(finished: Project) -> None:
    source = finished.own_source()
    for path in (finished.folder / "workflow/scripts/train.py", source / "networks/relu.py", source / "engine/mlp.py"):
        path.write_text(path.read_text() + "\n# a comment\n")
    assert finished.planned() == {}


def test_a_new_version_of_the_numbers_runs_what_it_touches(finished: Project) -> None:
    source = finished.own_source()
    relu = source / "networks/relu.py"
    relu.write_text(relu.read_text().replace("version = 1", "version = 2"))
    assert finished.planned() == {"train": 1, "collect": 1, "judge": 1, "report": 1, "all": 1}
    numerics = source / "numerics.py"
    numerics.write_text(numerics.read_text().replace("ENGINE = 3", "ENGINE = 4"))
    assert finished.planned()["train"] == 2


def test_a_failing_cell_stops_neither_the_others_nor_the_report_and_runs_again_next_time(project: Project) -> None:
    training = project.own_source() / "worker/train.py"
    sound = training.read_text()
    line = "        return Trainer("
    assert f"\n{line}" in sound
    fault = f"        if job.spec.network == 'relu':\n            raise MemoryError('no <b>room</b>')\n{line}"
    training.write_text(sound.replace(line, fault))
    code, output = project.snakemake()
    assert code != 0
    assert RELU in output
    assert project.record(SIREN).state == "ok"
    failure = data(project.folder / "results/cells" / RELU / "failure.json")
    assert failure["state"] == "failed"
    assert failure["reason"] == "MemoryError: no <b>room</b>"
    page = (project.folder / "results/small/report.html").read_text()
    assert "MemoryError: no &lt;b&gt;room&lt;/b&gt;" in page
    assert not (project.folder / "results/small/results.parquet").exists(), "Snakemake still has to collect"
    training.write_text(sound)
    assert project.planned() == {"train": 1, "collect": 1, "judge": 1, "report": 1, "all": 1}
    assert project.snakemake()[0] == 0
    assert not (project.folder / "results/cells" / RELU / "failure.json").exists()
    assert "MemoryError" not in (project.folder / "results/small/report.html").read_text()


def test_cells_whose_image_cannot_be_had_are_not_testable_until_it_can(project: Project, tmp_path: Path) -> None:
    offered = tmp_path / "offered"
    offered.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(offered))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    far = {"source": "url", "url": f"http://127.0.0.1:{server.server_port}/far.png", "licence": "none"}
    project.configure(
        run="small",
        assets={"far": far},
        images={"tile": {"path": "tile.png"}, "far": {"asset": "far"}},
        studies={"fitting": study(image=["tile", "far"], arm="siren")},
    )
    lacking = SIREN.replace("tile", "far")
    code, output = project.snakemake()
    assert code == 0, output
    assert project.record(SIREN).state == "ok"
    assert project.record(lacking).state == "not-testable"
    assert "404" in project.record(lacking).reason
    assert "404" in (project.folder / "results/small/report.html").read_text()
    before = project.stamps()
    assert "1 not-testable, 1 ok" in project.snakemake("cells")[1], "who only looks deletes nothing"
    project.snakemake("-n")
    assert project.record(lacking).state == "not-testable"
    shutil.copy(project.folder / "config/tile.png", offered / "far.png")
    code, output = project.snakemake()
    server.shutdown()
    assert code == 0, output
    assert project.record(lacking).state == "ok"
    assert project.stamps()[SIREN] == before[SIREN]
    assert "Nothing to be done" in project.snakemake()[1]


def test_a_stopped_cell_goes_on_where_it_was_and_ends_with_the_same_bits(project: Project) -> None:
    name = "fit/tile-16/siren-2x32/steps=4000/replicates=2"
    target = f"results/cells/{name}/cell.json"
    process = project.start(target)
    checkpoint = project.folder / f"results/checkpoints/{name}.safetensors"
    beat = project.folder / f"results/cells/{name}/progress.json"
    while not beat.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does in a terminal
    process.communicate(timeout=60)
    assert checkpoint.exists()
    assert not (project.folder / target).exists()
    code, output = project.snakemake(target)
    assert code == 0, output
    resumed = project.record(name)
    assert resumed.provenance is not None
    assert resumed.provenance.resumed == 1
    assert not checkpoint.exists()
    shutil.rmtree(project.folder / "results/cells" / name)
    assert project.snakemake(target)[0] == 0
    whole = project.record(name)
    assert whole.provenance is not None
    assert whole.provenance.resumed == 0
    assert whole.files["weights.safetensors"] == resumed.files["weights.safetensors"]
    assert whole.replicates[0].metrics["psnr"].last == resumed.replicates[0].metrics["psnr"].last


def test_a_study_is_a_target_with_a_report_of_its_own(project: Project) -> None:
    assert project.planned("fitting") == {"asset": 1, "train": 2, "collect": 1, "report": 1, "fitting": 1}
    assert project.snakemake("fitting")[0] == 0
    assert (project.folder / "results/small/fitting/report.html").exists()


def test_a_finished_cell_is_scored_by_a_further_metric_without_training(finished: Project) -> None:
    target = f"results/cells/{SIREN}/metrics/psnr.json"
    assert finished.planned(target) == {"evaluate": 1}
    assert finished.snakemake(target)[0] == 0
    values = data(finished.folder / target)["values"]
    expected = [replicate.metrics["psnr"].last for replicate in finished.record(SIREN).replicates]
    assert values == pytest.approx(expected, abs=1e-4)
    finished.configure(
        run="small", metrics=["psnr@border=2"], images={"tile": {"path": "tile.png"}}, studies={"fitting": study()}
    )
    assert finished.planned() == {"evaluate": 2, "collect": 1, "judge": 1, "report": 1, "all": 1}
    assert finished.snakemake()[0] == 0
    assert "border=2" in (finished.folder / "results/small/results.csv").read_text()
    page = (finished.folder / "results/small/report.html").read_text()
    assert "border=2" in re.sub(r"<script.*?</script>", "", page, flags=re.S)


def test_the_cells_of_the_configuration_are_listed_with_state_study_and_target(project: Project) -> None:
    project.snakemake(f"results/cells/{SIREN}/cell.json")
    code, output = project.snakemake("cells")
    assert code == 0
    assert re.search(rf"^ok +fitting +results/cells/{re.escape(SIREN)}/cell.json$", output, re.M), output
    assert re.search(rf"^to do +fitting +results/cells/{re.escape(RELU)}/cell.json$", output, re.M), output
    assert "2 cells: 1 ok, 1 to do" in output


def test_the_scripts_run_by_hand(project: Project) -> None:
    import subprocess
    import sys

    environment = os.environ | {"SIRENBENCH_CACHE": str(project.folder / "cache")}
    for words in (
        ["train.py", SIREN],
        ["baseline.py", "sr/tile-16-x2/bicubic"],
        ["collect.py", "small"],
        ["report.py", "small"],
    ):
        command = [sys.executable, f"workflow/scripts/{words[0]}", *words[1:]]
        done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert project.record(SIREN).state == "ok"
    assert (project.folder / "results/small/report.html").exists()
    wrong = subprocess.run(
        [sys.executable, "workflow/scripts/train.py", "fit/tile-16/sirn-1x8"],
        cwd=project.folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert wrong.returncode == 1
    assert "did you mean 'siren'?" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/cells/fit/tile-16/sirn-1x8/cell.json", "did you mean 'siren'?"),
        ("results/cells/fit/nothing-16/siren-1x8/cell.json", "no image is named 'nothing'"),
        ("results/cells/fit/tile-16/siren-1x8/steps=15000/cell.json", "write fit/tile-16/siren-1x8"),
        ("results/nothing/report.html", "no such run or study"),
    ],
)
def test_a_target_that_means_nothing_is_told_before_anything_runs(project: Project, target: str, message: str) -> None:
    code, output = project.snakemake(target)
    assert code != 0
    assert message in output
    assert "Traceback" not in output
    assert not (project.folder / "results/cells").exists()


def test_a_bad_configuration_ends_before_anything_runs_with_every_mistake(project: Project) -> None:
    project.configure(
        run="small", device="gpu", images={"tile": {"path": "tile.png"}}, studies={"fitting": study(arm="sirn")}
    )
    code, output = project.snakemake()
    assert code != 0
    assert "config/config.yaml: device: 'gpu' is not known; allowed: auto, cpu, cuda" in output
    assert "Traceback" not in output
    assert not (project.folder / "results").exists()


def test_several_configuration_files_are_merged_and_command_line_words_win(project: Project) -> None:
    (project.folder / "config/more.yaml").write_text(
        "run: other\nstudies: {extra: {title: E, grid: {task: sr, image: tile, size: 16, factor: 2, arm: bicubic}}}"
    )
    words = ("--configfile", "config/config.yaml", "config/more.yaml", "--config", "title=Mine")
    assert project.planned(*words) == {
        "asset": 1,
        "train": 2,
        "baseline": 1,
        "collect": 1,
        "judge": 1,
        "report": 1,
        "all": 1,
    }


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_ten_thousand_cells_are_planned_in_well_under_a_minute(project: Project) -> None:
    grid = GRID | {"arm": "siren", "lr": [0.001 * k for k in range(1, 11)], "seed": list(range(1000))}
    project.configure(
        run="small", images={"tile": {"path": "tile.png"}}, studies={"many": {"title": "T", "grid": grid}}
    )
    before = _cpu_seconds()
    assert project.planned("--quiet", "rules")["train"] == 10_000  # the plan, without a block for every job
    assert _cpu_seconds() - before < 40  # 24 and 31 s on two kinds of machine, nearly all of it Snakemake's


def test_the_paper_is_planned_in_seconds_without_torch(project: Project) -> None:
    project.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    before = _cpu_seconds()
    code, output = project.snakemake("-n", "paper")
    assert code == 0
    assert _cpu_seconds() - before < 5
    imported = set(re.findall(r"^import time: .*\| +([\w.]+)$", output, re.M))
    assert "sirenbench.workflow" in imported
    assert not {"torch", "torchvision", "pandas", "matplotlib", "skimage"} & imported
