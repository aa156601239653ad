"""Reading YAML as people mean it: ``1e-4`` is a number, ``no`` is a word, a key given twice is a mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sirenbench.errors import Mistake, Mistakes, shown


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the numbers and words of YAML 1.2, and without silent duplicates."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # As it is written: a merge (<<) later adds keys to the node, which may repeat those of the node itself.
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {shown(key_node.value)} is given twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return node


_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))

_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":float", ":int", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises
    ------
    Mistakes
        If the file is not there, is not text, is not YAML, or does not hold a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506, a SafeLoader
    except FileNotFoundError:
        raise Mistakes([Mistake(str(path), "", "there is no such file")]) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise Mistakes([Mistake(str(path), "", f"cannot be read: {_first_lines(error)}")]) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Mistakes([Mistake(str(path), "", f"holds {shown(content)}, not a mapping of keys to values")])
    return {str(key): value for key, value in content.items()}


def _first_lines(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
