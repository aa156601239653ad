"""The configuration of a cell, and its name: the two are one and the same thing, written differently.

``fit/cameraman-256/siren-3x256/first_init=xavier_normal/steps=1000`` reads: fit the image *cameraman*
at 256 x 256 with a SIREN of 3 hidden layers of 256 features, the first layer drawn by Xavier normal,
for 1,000 steps, and every other option at its default. For super-resolution the image carries the
factor (``sr/cameraman-512-x8/...``), and an arm can add an encoding and a loss (``siren+pe+vgg-3x512``).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from functools import cache

from sirenbench import catalog
from sirenbench.errors import allowed, shown
from sirenbench.networks.base import ModuleNetwork
from sirenbench.options import Integer, Option, OptionError, Value
from sirenbench.spec import CellSpec, SpecError

MAX_NAME_LENGTH = 200
IMAGE_ID = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")

SIZE = Integer("size", 256, "Side of the square image in pixels.", low=8, high=4096)
FACTOR = Integer("factor", 4, "How many times smaller the low-resolution image is.", low=2, high=64)
DEPTH = Integer("depth", 2, "Hidden layers besides the first one.", low=1, high=64)
WIDTH = Integer("width", 256, "Features of each hidden layer.", low=1, high=8192)


@cache
def options_of(task: str, arm: str) -> tuple[Option, ...]:
    """The options of an arm in a task, in the canonical order."""
    doing = catalog.tasks()[task]
    if arm in catalog.baselines():
        own = catalog.baselines()[arm].options
        return (*own, *(option for option in doing.data_options if option.name not in {o.name for o in own}))
    encoding, loss = add_ons(arm)
    of_network = catalog.networks()[arm.partition("+")[0]].options
    of_encoding = catalog.encodings()[encoding].options if encoding else ()
    of_loss = catalog.losses()[loss].options if loss else ()
    return (*of_network, *of_encoding, *of_loss, *doing.data_options, *doing.training_options)


def add_ons(arm: str) -> tuple[str | None, str | None]:
    """The encoding and the loss that an arm names."""
    named = arm.split("+")[1:]
    encoding = next((name for name in named if name in catalog.encodings()), None)
    return encoding, next((name for name in named if name in catalog.losses()), None)


@cache
def arms_of(task: str) -> tuple[str, ...]:
    """Every arm that can do a task."""
    encodings = ("", *(f"+{name}" for name in catalog.encodings()))
    losses = ("", *(f"+{name}" for name, loss in catalog.losses().items() if task in loss.tasks))
    trained = map("".join, itertools.product(catalog.networks(), encodings, losses))
    return (*trained, *(name for name, arm in catalog.baselines().items() if task in arm.tasks))


def make_spec(fields: Mapping[str, object]) -> CellSpec:
    """The spec of a flat mapping of parts and options; what is left out takes its default.

    Raises
    ------
    SpecError
        Naming the key that is wrong and what is allowed.
    """
    task = _word(fields, "task", tuple(catalog.tasks()))
    arm = _word(fields, "arm", arms_of(task))
    is_baseline = arm in catalog.baselines()
    has_factor = catalog.tasks()[task].has_factor
    image = _image(fields)
    size = _integer(fields, SIZE)
    factor = _integer(fields, FACTOR) if has_factor else None
    if factor and size % factor:
        raise SpecError("factor", f"{factor} does not divide the image size {size}")
    options = options_of(task, arm)
    encoding, loss = add_ons(arm)
    parts = ["task", "image", "size", *(["factor"] if has_factor else []), "arm"]
    parts += [] if is_baseline else ["depth", "width"]
    known = [*parts, *(option.name for option in options)]
    for key in fields:
        if key not in known:
            raise SpecError(str(key), f"no such key for {task} with {arm}; {allowed(known, key)}")
    spec = CellSpec(
        task=task,
        image=image,
        size=size,
        factor=factor,
        arm=arm,
        depth=None if is_baseline else _integer(fields, DEPTH),
        width=None if is_baseline else _integer(fields, WIDTH),
        encoding=encoding,
        loss=loss,
        options=tuple((option, _checked(option, fields.get(option.name, option.default))) for option in options),
    )
    if is_baseline:
        catalog.baselines()[arm].check(spec)
    elif isinstance(catalog.networks()[spec.network], ModuleNetwork):
        _check_module(spec)
    if len(spec.name) > MAX_NAME_LENGTH:
        raise SpecError("", f"the cell name is longer than {MAX_NAME_LENGTH} characters: {shown(spec.name)}")
    return spec


def _check_module(spec: CellSpec) -> None:
    """What knows layers is not for a module."""
    if catalog.tasks()[spec.task].keeps_activations:
        raise SpecError("arm", f"{spec.task} measures layers, and {spec.network} is a module, of which it knows none")
    if spec["precision"] != "fp32":
        raise SpecError(
            "precision",
            f"{spec['precision']} is for products between layers, of which the module {spec.network} has none",
        )


def changed(spec: CellSpec, **changes: Value) -> CellSpec:
    """The same configuration but for some parts or options. Raises SpecError."""
    return make_spec(spec.as_dict() | changes)


@cache
def parse_name(name: str) -> CellSpec:
    """The spec of a cell name: the inverse of :attr:`CellSpec.name`.

    Raises
    ------
    SpecError
        For every text that is not the one canonical name of a spec, with that name where there is one.
    """
    if len(name) > MAX_NAME_LENGTH:
        raise SpecError("", f"a cell name has at most {MAX_NAME_LENGTH} characters; this one has {len(name)}")
    task, data, method, *switches = [*name.split("/"), "", ""][: max(3, name.count("/") + 1)]
    fields: dict[str, object] = {"task": task, **_read_data(task, data), **_read_method(method)}
    known = {
        o.name: o
        for o in options_of(_word(fields, "task", tuple(catalog.tasks())), _word(fields, "arm", arms_of(task)))
    }
    for switch in switches:
        key, equals, text = switch.partition("=")
        if not equals or key not in known:
            raise SpecError(key, f"no such option in {shown(name)}; {allowed(known, key)}")
        if key in fields:
            raise SpecError(key, f"given twice in {shown(name)}")
        try:
            fields[key] = known[key].read(text)
        except OptionError as error:
            raise SpecError(key, str(error)) from None
    spec = make_spec(fields)
    if spec.name != name:
        raise SpecError("", f"{shown(name)} is not the canonical name of this cell; write {spec.name}")
    return spec


def _read_data(task: str, data: str) -> dict[str, object]:
    has_factor = task in catalog.tasks() and catalog.tasks()[task].has_factor
    form = r"(?P<image>.+)-(?P<size>\d{1,6})" + (r"-x(?P<factor>\d{1,6})" if has_factor else "")
    match = re.fullmatch(form, data)
    if task in catalog.tasks() and not match:
        example = "cameraman-512-x8" if has_factor else "cameraman-256"
        raise SpecError("image", f"{shown(data)} is not an image with its size, as in {example}")
    parts = match.groupdict() if match else {}
    return {key: text if key == "image" else int(text) for key, text in parts.items()}


def _read_method(method: str) -> dict[str, object]:
    match = re.fullmatch(r"(?P<arm>.+)-(?P<depth>\d{1,6})x(?P<width>\d{1,6})", method)
    if match:
        return {"arm": match["arm"], "depth": int(match["depth"]), "width": int(match["width"])}
    if method and method not in catalog.baselines() and method.partition("+")[0] in catalog.networks():
        raise SpecError("arm", f"{shown(method)} lacks its depth and width, as in {method}-3x256")
    return {"arm": method}


def _word(fields: Mapping[str, object], key: str, words: tuple[str, ...]) -> str:
    value = fields.get(key)
    if value not in words:
        given = "is missing" if value in (None, "") else f"{shown(value)} is not known"
        raise SpecError(key, f"{given}; {allowed(words, value)}")
    return str(value)


def _image(fields: Mapping[str, object]) -> str:
    image = fields.get("image")
    if not isinstance(image, str) or not IMAGE_ID.fullmatch(image):
        raise SpecError(
            "image",
            f"{shown(image)} is not an image name: lower-case letters and digits, "
            "with single '-', '_' or '.' between them",
        )
    return image


def _integer(fields: Mapping[str, object], option: Integer) -> int:
    if option.name not in fields:
        raise SpecError(option.name, f"is missing; {option.describe()}")
    return int(_checked(option, fields[option.name]))


def _checked(option: Option, value: object) -> Value:
    try:
        return option.check(value)
    except OptionError as error:
        raise SpecError(option.name, str(error)) from None
