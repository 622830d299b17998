"""A configuration file as text: what YAML passes over, and what would end Snakemake's reading of it
without a word that helps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from ingest.config_errors import ConfigError

LARGEST = 10_000_000  # bytes
MOST = 100_000  # values, repeated ones (*name) counted each time
DEEPEST = 50  # blocks in blocks

_TAGS = tuple(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge")
)
_MERGE = "tag:yaml.org,2002:merge"
_ENCODING = "Save it as UTF-8."


def check_file(path: Path) -> None:
    """Raises ConfigError with every problem of the YAML (or JSON) file at `path`.

    A file that is not there is left to Snakemake, and so are files of its own template language.
    """
    try:
        if not path.exists():
            return
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise ConfigError([f"{path}: is not a file with options. Name another file."])
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            [f"{path}: cannot be read ({error.strerror}). Get read permission for it."]
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not in UTF-8 ({error.reason}). {_ENCODING}"]) from None
    problems = [f"{path}, {problem}" for problem in text_problems(text)]
    if problems:
        raise ConfigError(problems)


def text_problems(text: str) -> list[str]:
    """What is wrong with a file's text, each problem with its line."""
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        return [f"line {line}: holds a control character. Retype the line."]
    try:
        root = loader.get_single_node()
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            return ["line 1: is not a list of options. Write lines like `results: results`."]
        if _values(root, {}, 0) > MOST:
            return ["its repetitions (*name) stand for too many values. Write them out."]
        return list(_problems(loader, root))
    except yaml.MarkedYAMLError as error:
        return [_marked(error)]
    except RecursionError:
        return ["blocks are nested too deeply, or contain themselves. Write the options plainly."]
    finally:
        loader.dispose()


def _marked(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}: " if mark else ""
    if "'\\t'" in str(error.problem):
        return f"{where}there is a tab where YAML allows only spaces. Indent with spaces."
    return (
        f"{where}cannot be read ({error.problem}). Check the indentation, colons and quotes of "
        "this line and the one above."
    )


def _values(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many values a node stands for. Raises RecursionError for one that holds itself."""
    if depth > DEEPEST:
        raise RecursionError
    if id(node) not in known:
        known[id(node)] = 1 + sum(_values(inner, known, depth + 1) for inner in _inner(node))
    return known[id(node)]


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _problems(loader: yaml.SafeLoader, root: yaml.Node) -> Iterator[str]:
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting += _inner(node)
        line = node.start_mark.line + 1
        if not node.tag.startswith(_TAGS):
            yield f"line {line}: {node.tag} cannot be used here. Write its value."
        elif isinstance(node, yaml.MappingNode):
            yield from _repeated(node)
        elif isinstance(node, yaml.ScalarNode) and node.tag != _MERGE:
            try:
                loader.construct_object(node)
            except (yaml.YAMLError, ValueError, OverflowError) as error:
                reason = getattr(error, "problem", None) or str(error).partition(";")[0]
                yield (
                    f"line {line}: {node.value[:60]!r} cannot be read "
                    f"({reason}). Put it in quotes if it is meant as text."
                )


def _repeated(node: yaml.MappingNode) -> Iterator[str]:
    first: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield f"line {line}: what stands before the colon is no name. Write an option's name."
            continue
        if key.tag == _MERGE:
            continue
        if key.value in first:
            yield (
                f"line {line}: {key.value} is already in line {first[key.value]}; only one of "
                "the two would count. Put them together."
            )
        first.setdefault(key.value, line)
