"""The files made from the configuration's models: config/config.yaml and config/schema.json."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel

from ingest.atomic import write_text
from ingest.config import Config

# The shipped file drives the demo, which shows a transfer; without the line there is no store.
DEMO: dict[str, Any] = {"transfer": {"store": "demo-store"}}

HEADER = """\
# Every option with its default, set up for the demo. Written by `make config` from
# workflow/scripts/ingest/config.py: change descriptions and defaults there.
#
# For your own server: set manifest, allowed_roots and transfer.store, write omero.embedded: false,
# and log in with OMERO_HOST, OMERO_USER and OMERO_PASSWORD or `omero login`.
# An option that is not written here has its default; one that does not exist is refused.
"""


def write_files(folder: Path) -> None:
    """Write config.yaml and schema.json into `folder`."""
    write_text(folder / "config.yaml", example())
    write_text(folder / "schema.json", schema())


def example() -> str:
    """config/config.yaml: every option, commented, with the demo's values."""
    return HEADER + "\n".join(_lines(Config.model_validate(DEMO), "")) + "\n"


def schema() -> str:
    """config/schema.json: what an editor or a validator needs."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def _lines(section: BaseModel, indent: str) -> Iterator[str]:
    values = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        option = field.alias or name
        inner = getattr(section, name)
        yield ""
        if isinstance(inner, BaseModel):
            yield from _comment(" ".join((inner.__doc__ or "").split()), indent)
            yield f"{indent}{option}:"
            yield from _lines(inner, indent + "  ")
        else:
            yield from _comment((field.description or "") + _choices(field.annotation), indent)
            yield f"{indent}{option}: {_scalar(values[name])}"
            for example in field.examples or ():
                yield f"{indent}# For example:"
                yield from (f"{indent}#   {line}" for line in example.splitlines())


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, 96, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ",
        break_on_hyphens=False,
    )  # fmt: skip


def _choices(annotation: Any) -> str:
    if get_origin(annotation) is not Literal:
        return ""
    return f" One of: {', '.join(get_args(annotation))}."


def _scalar(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000).split(
        "\n"
    )[0]
