"""The two files that are written from the models: the commented reference of every setting, and the JSON schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sirenbench import catalog
from sirenbench.config.model import Config
from sirenbench.names import DEPTH, FACTOR, SIZE, WIDTH, arms_of, options_of

_HEADER = """\
# Every setting there is, with its default. Written from the models in src/sirenbench/config by `make generate`:
# change it there. Your own file needs only what differs; entries of assets, images and studies are examples here.
"""
_WIDTH = 112


def generated() -> dict[Path, str]:
    """File -> its text."""
    schema = json.dumps(Config.model_json_schema(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    return {Path("config/default.yaml"): default_yaml(), Path("config/schema.json"): schema}


def default_yaml() -> str:
    """The commented YAML: defaults as they are, and what has none as a commented example."""
    blocks = ["\n".join(_lines(name, field)) for name, field in Config.model_fields.items()]
    return "\n\n".join([_HEADER.rstrip(), *blocks, "\n".join(_grid_keys())]) + "\n"


def _grid_keys() -> Iterator[str]:
    """What a grid can hold: the parts of a cell, then the options of every component."""
    yield "# Keys of a grid, each with a value or a list of values:"
    arms = dict.fromkeys(arm for task in catalog.tasks() for arm in arms_of(task))
    words: dict[str, Iterable[str]] = {"task": catalog.tasks(), "arm": arms}
    for key, known in words.items():
        yield from _comment(f"  {key}: one of {', '.join(known)}")
    yield "#   image: the name of an image"
    for part in (SIZE, FACTOR, DEPTH, WIDTH):
        yield from _comment(f"  {part.name}: {part.describe()}. {part.doc}")
    options = {o.name: o for task in catalog.tasks() for arm in arms_of(task) for o in options_of(task, arm)}
    for option in options.values():
        default = "by task" if option.name == "steps" else option.text(option.default)
        yield from _comment(f"  {option.name}: {option.describe()}; default {default}. {option.doc}")


def _lines(name: str, field: FieldInfo) -> Iterator[str]:
    yield from _comment(field.description)
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        yield f"{name}:"
        for key, part in inner.model_fields.items():
            yield from (f"  {line}" for line in _lines(key, part))
    elif get_origin(inner) is dict and _models(get_args(inner)[1]):
        yield f"{name}: {{}}"
        for model in _models(get_args(inner)[1]):
            yield "#"
            yield from _comment(model.__doc__)
            yield "#  <name>:"
            for key, part in model.model_fields.items():
                yield from (f"#    {line}" for line in _lines(key, part))
    else:
        yield f"{name}: {_value(field)}"


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models behind a type: itself, or the members of an annotated union."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) or (annotation,)
    return [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]


def _comment(text: str | None) -> Iterator[str]:
    indent = "  " if text and text.startswith("  ") else ""
    paragraph = " ".join((text or "").split())
    yield from (
        f"# {line}" for line in textwrap.wrap(paragraph, _WIDTH, initial_indent=indent, subsequent_indent=2 * indent)
    )


def _value(field: FieldInfo) -> str:
    words = get_args(field.annotation)
    if field.default is PydanticUndefined and field.default_factory is None:
        return str(words[0]) if words and all(isinstance(word, str) for word in words) else "..."
    default = field.get_default(call_default_factory=True, validated_data={})
    return yaml.safe_dump(default, default_flow_style=True, width=1000).removesuffix("...\n").strip()
