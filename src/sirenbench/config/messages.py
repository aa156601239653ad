"""What pydantic found wrong, in words for people: file, key, value, what is allowed, the nearest valid word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sirenbench.errors import Mistake, allowed, shown

SOURCES = ("package", "pypi", "url", "zip-member", "path")


def mistake(detail: ErrorDetails, origin: Callable[..., str], model: type[BaseModel]) -> Mistake:
    """One error of pydantic as a Mistake; ``origin`` tells the file of a block and its entry."""
    location = list(detail["loc"])
    if location[:1] == ["assets"] and len(location) > 2:
        del location[2]  # the kind of source, which pydantic puts between the name and the key
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    return Mistake(origin(*map(str, location[:2])), key, _message(detail, model))


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"no such key; {allowed(_keys_beside(detail, model), detail['loc'][-1])}"
        case "missing":
            return "is missing"
        case "literal_error":
            words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
            return f"{shown(given)} is not known; {allowed(words, given)}"
        case "union_tag_invalid":
            return f"source {shown(context['tag'])} is not known; {allowed(SOURCES, context['tag'])}"
        case "union_tag_not_found":
            return f"'source' is missing; {allowed(SOURCES)}"
    text = detail["msg"].removeprefix("Value error, ")
    return f"{shown(given)}: {text[0].lower()}{text[1:]}"


def _keys_beside(detail: ErrorDetails, model: type[BaseModel]) -> list[str]:
    """The keys that are known where an unknown one stands."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in detail["loc"][:-1]:
        node = _resolved(node, schema)
        if "discriminator" in node:
            node = {"$ref": node["discriminator"]["mapping"][part]}
            continue
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
    return list(_resolved(node, schema).get("properties", {}))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
