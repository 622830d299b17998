"""An order as it stands in the database, and what it means; whatever cannot be meant is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from ingest.conversion.options import RESERVED, Converter
from ingest.fileset import BadText
from ingest.import_options import LARGEST_ID
from ingest.orders.options import Orders

DESTINATIONS = ("Dataset", "Screen")
FILES = "{Files}"  # what stands for the input in an order's preprocessing


@dataclass(frozen=True, slots=True)
class Order:
    """A checked order. `paths` are absolute, as this machine has them, each once; `convert` is a
    manifest's cell."""

    uuid: str
    user: str
    group: str
    target: str
    paths: tuple[str, ...]
    convert: str


def parse_order(
    row: Mapping[str, Any], options: Orders, converters: Mapping[str, Converter]
) -> Order:
    """The order of a row of `imports`, joined with its `imports_preprocessing` row.

    Raises BadText, for whoever gave the order, when it cannot be done as it is.
    """
    return Order(
        uuid=_text(row["uuid"], "uuid"),
        user=_text(row["user_name"], "user"),
        group=_text(row["group_name"], "group"),
        target=_target(row["destination_type"], row["destination_id"]),
        paths=tuple(dict.fromkeys(_mapped(path, options.paths) for path in _files(row["files"]))),
        convert=_convert(row, options, converters) if row["preprocessing_id"] is not None else "",
    )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadText(f"the order names no {what}", "Give the order again.")
    return value


def _target(kind: Any, identity: Any) -> str:
    if kind not in DESTINATIONS:
        raise BadText(
            f"the destination's type is {kind!r}", f"It has to be {' or '.join(DESTINATIONS)}."
        )
    text = str(identity).strip()
    if not re.fullmatch("[0-9]{1,19}", text) or not 0 < int(text) <= LARGEST_ID:
        raise BadText(
            f"the destination's id is {identity!r}, which is not the id of a {kind}",
            f"Choose a {kind} that is in OMERO.",
        )
    return f"{kind}:id:{int(text)}"


def _files(text: Any) -> list[str]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise BadText("the list of files is not JSON", "Give the order again.") from None
    if not isinstance(found, list):
        raise BadText(
            f"the files are not a list but {str(found)[:200]!r}",
            "Write a JSON list of paths, also for one file.",
        )
    if not found:
        raise BadText("the list of files is empty", "Choose the files that are to be imported.")
    for each in found:
        _check_path(each)
    return found


def _check_path(path: Any) -> None:
    if not isinstance(path, str) or not PurePosixPath(path).is_absolute():
        raise BadText(
            f"{str(path)[:200]!r} in the list of files is not an absolute path",
            "Give the order again; each file needs its whole path.",
        )
    try:
        path.encode()
    except UnicodeEncodeError:
        raise BadText(
            f"the name {path!r} is not valid UTF-8", "Rename the file, and give the order again."
        ) from None
    if path != path.strip() or not path.isprintable():
        raise BadText(
            f"the path {path!r} begins or ends with a space, or holds control characters",
            "Rename the file, and give the order again.",
        )


def _mapped(path: str, folders: Mapping[str, Any]) -> str:
    """`path` as this machine has it; the longest of the folders that it lies in decides."""
    parts: list[str] = []
    for part in PurePosixPath(path).parts[1:]:
        parts = parts[:-1] if part == ".." else [*parts, part]
    clean = PurePosixPath("/", *parts)
    for folder in sorted(folders, key=len, reverse=True):
        if clean.is_relative_to(folder):
            return str(PurePosixPath(folders[folder]) / clean.relative_to(folder))
    return str(clean)


def _convert(row: Mapping[str, Any], options: Orders, converters: Mapping[str, Converter]) -> str:
    container = _text(row["container"], "container for its preprocessing")
    if row["input_file"] != FILES:
        raise BadText(
            f"the input of the preprocessing is {row['input_file']!r}", f"It has to be {FILES}."
        )
    name = options.converters.get(container) or _with_image(container, converters)
    if name is None or name not in converters:
        raise BadText(
            f"no converter stands for the container {container!r}",
            "Ask whoever runs the import: it has to be under `converters`, and under "
            "`orders.converters` where its image has another name.",
        )
    given = _parameters(row["extra_params"])
    return f"{name}?{urlencode(given, quote_via=quote)}" if given else name


def _with_image(container: str, converters: Mapping[str, Converter]) -> str | None:
    """The converter whose image a container's name, mostly without its registry, means."""
    for name, converter in converters.items():
        if converter.contract == "biomero":
            image = "/" + (converter.image.partition("://")[2] or converter.image)
            asked = f"/{container}"
            if image.endswith(asked) or asked.endswith(image):
                return name
    return None


def _parameters(found: Any) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadText(
            f"the parameters of the preprocessing are {str(found)[:200]!r}",
            "Give names and values.",
        )
    given = {}
    for key, value in found.items():
        if key in RESERVED or not isinstance(value, str | int | float):
            raise BadText(
                f"the preprocessing's parameter {key} is {str(value)[:200]!r}",
                "A parameter is a text or a number; input and output folders are not for an order "
                "to say.",
            )
        if FILES in str(value):
            raise BadText(
                f"the preprocessing's parameter {key} asks for the files",
                "Only the input file can be given.",
            )
        given[key] = str(value)
    return given
