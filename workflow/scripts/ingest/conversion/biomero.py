"""BIOMERO's contract: an image is called with `--inputfile F --outputfolder D`, optionally
`--altoutputfolder A` and parameters, and may print what it made as JSON, on its last line.

Source: biomero-importer 1.4 (utils/importer.py), and the converters it names. They print
`[{"name", "full_path", "alt_path", "keyvalues": [{...}] or {...}}]`, paths as they are in the
container; `alt_path` is a copy of the same file, null or not there without an alternative folder.
That importer wants the JSON to be there, a list, and of one output; more is handled here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ingest.fileset import StageError

# What is meant as JSON, and not a line of a log such as "[INFO] done".
_LOOKS_LIKE_JSON = re.compile(r'\s*(\{|\[\s*(\{|\]|\[|"|\'|$))')
SHOWN = 200  # characters of a line in an error


@dataclass(frozen=True, slots=True)
class Announced:
    """One output as the converter tells of it: paths as the converter saw them, or ""."""

    path: str
    alternative: str = ""
    name: str = ""
    key_values: tuple[tuple[str, str], ...] = field(default=())


def arguments(
    input_path: str, output: str, alternative: str, parameters: Mapping[str, str]
) -> list[str]:
    """What the image is called with; a parameter without a value is a switch."""
    words = ["--inputfile", input_path, "--outputfolder", output]
    if alternative:
        words += ["--altoutputfolder", alternative]
    for key, value in parameters.items():
        words += [f"--{key}", value] if value else [f"--{key}"]
    return words


def announced(stdout: str, converter: str) -> list[Announced] | None:
    """The outputs that the last line which is not blank tells of; None when it is no JSON.

    Raises StageError for JSON that is broken, tells of nothing, or is not as the contract has it.
    """
    # Not splitlines(): what it takes for ends of lines may stand in JSON's texts.
    lines = [line.strip("\ufeff \t\r") for line in stdout.split("\n")]
    line = next((line for line in reversed(lines) if line), "")
    if not _LOOKS_LIKE_JSON.match(line):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise _wrong(converter, f"printed broken JSON: {line[:SHOWN]!r}") from None
    items = [found] if isinstance(found, dict) else found
    if not items:
        raise _wrong(
            converter, f"exited successfully and says that it made nothing: it printed {line}"
        )
    return [_item(item, converter) for item in items]


def pairs(found: Any) -> tuple[tuple[str, str], ...]:
    """Key-values, given as an object or a list of objects, as texts in their order.

    A later object's value replaces an earlier one's. Raises ValueError for anything else, and for
    characters that no database takes.
    """
    objects = [found] if isinstance(found, dict) else found
    if objects is None:
        return ()
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise ValueError("key-values are neither an object nor a list of objects")
    merged = {key: value for each in objects for key, value in each.items()}
    texts = tuple((key, _text(value)) for key, value in merged.items() if value is not None)
    if not all(_is_storable(text) for pair in texts for text in pair):
        raise ValueError("key-values hold a NUL or half a surrogate pair")
    return texts


def _item(item: Any, converter: str) -> Announced:
    if not isinstance(item, dict):
        raise _wrong(converter, f"reports an output that is not an object: {str(item)[:SHOWN]}")
    texts = {}
    for key in ("full_path", "alt_path", "name"):
        value = item.get(key)
        if value is not None and (not isinstance(value, str) or not _is_storable(value)):
            raise _wrong(converter, f"gives an output's {key} as {str(value)[:SHOWN]!r}, no text")
        texts[key] = (value or "").strip()
    if not texts["full_path"] and not texts["alt_path"]:
        raise _wrong(converter, f"reports an output without a path: {str(item)[:SHOWN]}")
    try:
        key_values = pairs(item.get("keyvalues"))
    except ValueError as error:
        raise _wrong(
            converter, f"is wrong about {texts['full_path'] or texts['alt_path']}: its {error}"
        ) from None
    return Announced(texts["full_path"], texts["alt_path"], texts["name"], key_values)


def inside(path: str, folder: str) -> str | None:
    """`path`, as the converter wrote it, relative to `folder`; None when it is not below it.

    A path that is relative already counts from the folder. Nothing is looked up on disk.
    """
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == "..":
            parts = parts[:-1] if len(parts) > 1 else parts
        else:
            parts.append(part)
    above = PurePosixPath(folder).parts
    if tuple(parts[: len(above)]) != above or len(parts) == len(above):
        return None
    return "/".join(parts[len(above) :])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(_is_plain(each) for each in value):
        return ", ".join(map(_text, value))
    return json.dumps(value, ensure_ascii=False)


def _is_storable(text: str) -> bool:
    return not re.search("[\0\ud800-\udfff]", text)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _wrong(converter: str, what: str) -> StageError:
    return StageError(
        f"the converter {converter} {what}",
        "Report it to the converter's author; what it printed is in the job's log. Another "
        "version of the image may do, or import the row without it.",
    )
