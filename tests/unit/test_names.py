"""A cell's name and its spec are one thing written two ways."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sirenbench import catalog
from sirenbench.names import MAX_NAME_LENGTH, arms_of, changed, make_spec, options_of, parse_name
from sirenbench.options import Choice, Integer, Number, Option, Word
from sirenbench.spec import CellSpec, SpecError

IMAGES = st.from_regex(r"[a-z0-9]{1,6}(?:[-_.][a-z0-9]{1,6}){0,2}", fullmatch=True)


def _values(option: Option) -> st.SearchStrategy:
    if isinstance(option, Choice):
        return st.sampled_from(option.choices)
    if isinstance(option, Integer):
        return st.integers(option.low, option.high)
    if isinstance(option, Word):
        return IMAGES  # names of images and of assets have the same form
    assert isinstance(option, Number)
    return st.floats(option.low, option.high, allow_nan=False)


@st.composite
def fields(draw: st.DrawFn) -> dict[str, object]:
    task = draw(st.sampled_from(sorted(catalog.tasks())))
    arm = draw(st.sampled_from(arms_of(task)))
    made: dict[str, object] = {"task": task, "arm": arm, "image": draw(IMAGES)}
    if catalog.tasks()[task].has_factor:
        made["factor"] = draw(st.integers(2, 16))
        made["size"] = made["factor"] * draw(st.integers(4, 64))
    else:
        made["size"] = draw(st.integers(8, 4096))
    if arm not in catalog.baselines():
        made |= {"depth": draw(st.integers(1, 64)), "width": draw(st.integers(1, 8192))}
    for option in draw(st.lists(st.sampled_from(options_of(task, arm)), unique=True, max_size=3)):
        made[option.name] = draw(_values(option))
    # What these two can be asked for depends on more than one option.
    if arm == "external":
        made["weights"] = draw(IMAGES.filter(lambda word: word != "none"))
    assume(made.get("generator") != "5-block" or made["factor"] in (2, 4, 8))
    return made


@given(fields())
def test_a_name_read_back_is_the_spec_it_was_made_from(made: dict[str, object]) -> None:
    spec = make_spec(made)
    assert parse_name(spec.name) == spec
    assert parse_name(spec.name).name == spec.name


@given(fields(), fields())
def test_two_specs_never_share_a_name(one: dict[str, object], other: dict[str, object]) -> None:
    first, second = make_spec(one), make_spec(other)
    assert (first.name == second.name) == (first == second)


@given(fields())
def test_defaults_are_left_out_and_options_stand_in_canonical_order(made: dict[str, object]) -> None:
    spec = make_spec(made)
    written = [part.partition("=")[0] for part in spec.name.split("/")[3:]]
    order = [option.name for option in options_of(spec.task, spec.arm)]
    assert written == sorted(written, key=order.index)
    assert all(spec[o.name] != o.default for o in options_of(spec.task, spec.arm) if o.name in written)


@given(fields())
def test_a_name_is_a_safe_relative_path(made: dict[str, object]) -> None:
    name = make_spec(made).name
    assert len(name) <= MAX_NAME_LENGTH
    assert not name.startswith(("/", "-"))
    assert ".." not in name.split("/")
    assert all(letter.isalnum() or letter in "/-_.+=" for letter in name)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_with_a_message(text: str) -> None:
    try:
        spec = parse_name(text)
    except SpecError as error:
        assert str(error)
    else:
        assert spec.name == text


@given(fields(), st.integers(0, 200), st.characters())
def test_a_name_with_one_letter_changed_is_another_cell_or_none(made: dict[str, object], at: int, letter: str) -> None:
    name = make_spec(made).name
    changed = name[: at % len(name)] + letter + name[at % len(name) + 1 :]
    try:
        assert parse_name(changed).name == changed
    except SpecError as error:
        assert str(error)


def test_the_example_of_the_docs_reads_as_they_say() -> None:
    spec = parse_name("fit/cameraman-256/siren-3x256/first_init=xavier_normal/steps=1000")
    assert (spec.task, spec.image, spec.size, spec.arm, spec.depth, spec.width) == (
        "fit", "cameraman", 256, "siren", 3, 256,
    )  # fmt: skip
    assert (spec["first_init"], spec["hidden_init"], spec["steps"], spec["lr"]) == (
        "xavier_normal", "standard", 1000, 1e-4,
    )  # fmt: skip


def test_an_image_name_may_end_like_a_size() -> None:
    assert parse_name("fit/tile-256-64/siren-3x256").image == "tile-256"
    assert parse_name("sr/tile-64-x4-256-x8/bicubic").image == "tile-64-x4"


@pytest.mark.parametrize(
    ("switches", "as_run", "as_described"),
    [
        ("", "as-run", "as-described"),
        ("/frequencies=4", "as-described", "as-described"),
        ("/feature_weights=trained", "as-run", "as-run"),
        ("/frequencies=4/feature_weights=trained", "improved", "improved"),
        ("/frequencies=4/grid=center", "improved", "improved"),
    ],
)
def test_a_cell_has_the_track_of_its_study_unless_an_option_says_otherwise(
    switches: str, as_run: str, as_described: str
) -> None:
    """What mixes the text with what was run instead of it, is neither."""
    spec = parse_name(f"sr/cameraman-512-x8/siren+pe+vgg-3x512{switches}")
    assert (spec.track_in("as-run"), spec.track_in("as-described")) == (as_run, as_described)
    assert spec.track_in("improved") == "improved", "a question of ours, whatever is compared in it"


def test_an_arm_names_its_network_then_its_encoding_then_its_loss() -> None:
    spec = parse_name("sr/cameraman-512-x8/relu+pe+vgg-3x512")
    assert (spec.network, spec.encoding, spec.loss) == ("relu", "pe", "vgg")
    assert (parse_name("fit/a-16/siren+vgg-2x8").encoding, parse_name("fit/a-16/siren-2x8").loss) == (None, None)
    with pytest.raises(SpecError, match="is not known; allowed: .*relu.pe.vgg"):
        parse_name("sr/cameraman-512-x8/relu+vgg+pe-3x512")
    with pytest.raises(SpecError, match="is not known"):
        parse_name("poisson/a-16/siren+vgg-2x8")


def test_a_baselines_own_switch_takes_the_place_of_the_tasks() -> None:
    assert parse_name("sr/a-64-x4/bicubic")["kernel"] == "pil-bilinear"
    assert parse_name("sr/a-64-x4/srgan")["kernel"] == "hr-bicubic"
    assert parse_name("sr/a-64-x4/srgan/kernel=pil-bilinear").track == "improved"


def test_options_beyond_the_report_put_a_cell_on_the_improved_track() -> None:
    assert parse_name("sr/cameraman-512-x8/siren-3x512").track == "as-run"
    assert parse_name("sr/cameraman-512-x8/siren-3x512/grid=center").track == "improved"
    assert parse_name("sr/cameraman-512-x8/bicubic/kernel=box").track == "improved"


HOSTILE = {
    "": "task: is missing",
    "fit": "is not an image with its size",
    "..": "task: '..' is not known",
    "../../etc/passwd": "task: '..' is not known",
    "/etc/passwd": "task: is missing",
    "fit/../siren-3x256": "image: '..' is not an image with its size",
    "fit/../../x-256/siren-3x256": "image: '..' is not an image",
    "fit/..-256/siren-3x256": "is not an image name",
    "fit/.hidden-256/siren-3x256": "is not an image name",
    "fit/a..b-256/siren-3x256": "is not an image name",
    "fit/Cameraman-256/siren-3x256": "lower-case letters and digits",
    "fit/<script>-256/siren-3x256": "is not an image name",
    "fit/a;rm -rf-256/siren-3x256": "is not an image name",
    "fit/$(id)-256/siren-3x256": "is not an image name",
    "fit/a\x00b-256/siren-3x256": "is not an image name",
    "fit/a-256/siren-3x256/": "no such option",
    "fit/a-256/siren-3x256//steps=10": "no such option",
    "fit/a-256/siren-3x256/steps=1e3": "'1e3' is not a whole number",
    "fit/a-256/siren-3x256/steps=０": "is not a whole number",
    "fit/a-256/siren-3x256/steps=010": "is not a whole number",
    "fit/a-256/siren-3x256/lr=1e-3": "another canonical form: 0.001",
    "fit/a-256/siren-3x256/lr=nan": "is not a number from",
    "fit/a-256/siren-3x256/lr=inf": "is not a number from",
    "fit/a-256/siren-3x256/steps=15000": "write fit/a-256/siren-3x256",
    "fit/a-256/siren-3x256/steps=10/lr=0.01": "write fit/a-256/siren-3x256/lr=0.01/steps=10",
    "fit/a-256/siren-3x256/steps=10/steps=10": "given twice",
    "fit/a-256/siren-3x256/stps=10": "did you mean 'steps'?",
    "fit/a-256/siren-3x256/kernel=box": "no such option",
    "fit/a-256/siren-03x256": "write fit/a-256/siren-3x256",
    "fit/a-0256/siren-3x256": "write fit/a-256/siren-3x256",
    "fit/a-256/siren-0x256": "depth: 0 is not a whole number from 1 to 64",
    "fit/a-256/siren": "lacks its depth and width",
    "fit/a-256/sirn-3x256": "did you mean 'siren'?",
    "fit/a-256/siren+-3x256": "is not known",
    "fit/a-256/siren+pe+pe-3x256": "is not known",
    "fit/a-256/bicubic": "arm: 'bicubic' is not known",
    "sr/a-256/siren-3x256": "cameraman-512-x8",
    "sr/a-250-x4/siren-3x256": "factor: 4 does not divide the image size 250",
    "sr/a-256-x1/siren-3x256": "factor: 1 is not a whole number from 2 to 64",
    "sr/a-256-x4/bicubic-3x256": "depth: no such key for sr with bicubic",
    "sr/a-256-x4/bicubic/lr=0.01": "no such option",
    "sr/a-256-x4/external": "weights: sr/a-256-x4/external names none; add weights=<asset>",
    "sr/a-256-x4/external/channel=rgb": "weights: sr/a-256-x4/external/channel=rgb names none",
    "sr/a-256-x16/srgan/generator=5-block": "no 5-block generator of scale 16; allowed: factors 2, 4, 8",
    "fit/" + "a" * 300 + "-256/siren-3x256": "at most 200 characters",
}


@pytest.mark.parametrize(("name", "message"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_a_name_that_means_nothing_is_refused_with_its_reason(name: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_name(name)
    assert message in str(caught.value)


def test_a_key_that_does_not_apply_is_named_with_the_nearest_one() -> None:
    with pytest.raises(SpecError, match="first_omga.*did you mean 'first_omega'"):
        make_spec({"task": "fit", "image": "a", "size": 64, "arm": "siren", "depth": 2, "width": 8, "first_omga": 30})
    with pytest.raises(SpecError, match="first_omega: no such key for fit with relu"):
        make_spec({"task": "fit", "image": "a", "size": 64, "arm": "relu", "depth": 2, "width": 8, "first_omega": 30})


def test_reading_names_needs_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from sirenbench.names import parse_name; parse_name('sr/a-64-x2/siren+pe-2x8')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_spec_can_be_changed_part_by_part() -> None:
    spec: CellSpec = parse_name("sr/a-64-x2/siren-2x8/steps=10")
    assert changed(spec, size=128, steps=500).name == "sr/a-128-x2/siren-2x8"
