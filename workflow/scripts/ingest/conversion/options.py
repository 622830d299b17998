"""A converter as the configuration describes it, and what a row's `convert` cell asks of it."""

from __future__ import annotations

import difflib
import hashlib
import re
import shlex
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, model_validator

from ingest.config_errors import bad_option
from ingest.fileset import BadText

Runtime = Literal["auto", "apptainer", "podman", "docker", "host"]

NO_CONVERTER = "none"  # a row's way to have none although defaults.convert names one

# What a template may use besides the row's parameters.
PLACEHOLDERS = ("input", "inputs", "output", "stem", "name", "cpus", "memory_mb")
# What the BIOMERO contract's caller decides.
RESERVED = ("inputfile", "outputfolder", "altoutputfolder")

# Limits and parameters do not: a row's parameters are told apart by themselves.
_DECIDING = (
    "contract", "image", "command", "output", "key_values", "environment", "network",
    "alt_output", "working_folder",
)  # fmt: skip

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _converter_name(value: str) -> str:
    if not _NAME.fullmatch(value) or value == NO_CONVERTER:
        raise bad_option(
            "is not a valid name for a converter",
            "Use letters, digits, '.', '_' and '-', like ometiff.",
        )
    return value


def _parameters(value: Mapping[str, str]) -> Mapping[str, str]:
    for name in value:
        if not _PARAMETER.fullmatch(name):
            raise bad_option(f"has no usable name {name!r}", "Use letters, digits, '_' and '-'.")
    return value


def _environment(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name) or name.startswith("OMERO_"):
            raise bad_option(
                f"may not hold the variable {name!r}",
                "Use letters, digits and '_'; what logs in to OMERO never enters a converter.",
            )
        if not text.isprintable():
            raise bad_option(
                f"gives the variable {name} a value with control characters",
                "Write it on one line.",
            )
    return value


def _command(value: str) -> str:
    try:
        words = shlex.split(value)
        fields(words)
    except ValueError as error:
        raise bad_option(
            f"cannot be taken apart ({error})",
            "Close the quotes, and write a literal brace as {{ or }}.",
        ) from None
    return value.strip()  # YAML's folded texts end with a newline, which decides nothing


class Converter(BaseModel):
    """One converter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Literal["template", "biomero"] = Field(
        default="template",
        description="template: `command` is run. biomero: the image is run with --inputfile, "
        "--outputfolder and the row's parameters.",
    )
    image: str = Field(
        default="",
        description="A .sif file, a sandbox folder, docker://..., oras://..., or the name of an "
        "image known to podman or docker.",
    )
    command: Annotated[str, AfterValidator(_command)] = Field(
        default="",
        description="The command and its arguments, with {input}, {output} and so on; no shell. "
        "With the contract biomero: what to run instead of the image's entry point.",
    )
    runtime: Runtime = Field(
        default="auto",
        description="auto: the first of apptainer, podman and docker that works. host: a program "
        "installed on the node, which runs without isolation.",
    )
    output: str = Field(
        default="",
        description="Globs, separated by ';', for the images among the converter's files. Empty: "
        "everything except text files and tables.",
    )
    key_values: str = Field(
        default="", description="Glob for the converter's JSON files with key-value pairs."
    )
    parameters: Annotated[dict[str, str], AfterValidator(_parameters)] = Field(
        default={}, description="Default values for parameters that rows leave out."
    )
    environment: Annotated[dict[str, str], AfterValidator(_environment)] = Field(
        default={}, description="Environment variables; the converter gets no others of ours."
    )
    cpus: PositiveInt = Field(default=1, le=10_000, description="Processors it may use.")
    memory_mb: PositiveInt | None = Field(
        default=None,
        le=100_000_000,
        description="The converter is stopped when it uses more memory than this.",
    )
    time_limit_minutes: float = Field(
        default=240,
        gt=0,
        le=1_000_000,
        description="The converter is stopped when it takes longer than this.",
    )
    network: bool = Field(default=False, description="Whether it may use the network.")
    alt_output: bool = Field(
        default=False,
        description="biomero: also pass --altoutputfolder, for images that insist on it. Files "
        "there are not kept if the output folder has them too.",
    )
    working_folder: str = Field(
        default="", description="The folder inside the image to run in. Empty: the image's own."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Converter:
        if self.contract == "template" and not self.command:
            raise bad_option(
                "a converter has neither a command nor the contract biomero",
                "Write its command, like 'bfconvert {input} {output}/{stem}.ome.tiff', or "
                "contract: biomero.",
            )
        if self.contract == "template":
            asked = fields(shlex.split(self.command))
            if not asked & {"input", "inputs"} or "output" not in asked:
                raise bad_option(
                    "a converter's command names no {input} or no {output}",
                    "Say in the command where the file is and where the result goes.",
                )
        if self.image.startswith("-"):
            raise bad_option(
                "a converter's image begins with a hyphen, as options of the runtime do",
                "Write the image's name.",
            )
        if self.runtime == "host" and self.image:
            raise bad_option(
                "a converter has an image, and the runtime host, which runs none",
                "Remove one of the two.",
            )
        if self.runtime == "host" and not self.command:
            raise bad_option("a converter on the host has no command", "Write its command.")
        if self.runtime != "host" and not self.image:
            raise bad_option("a converter has no image", "Name its image, or write runtime: host.")
        return self

    def deciding(self) -> dict[str, Any]:
        """What decides, of these options, what the outputs are: JSON values."""
        options = self.model_dump(mode="json", include=set(_DECIDING))
        # Values may be secret, like a licence's key.
        options["environment"] = {
            name: hashlib.sha256(value.encode()).hexdigest()
            for name, value in self.environment.items()
        }
        return options


ConverterName = Annotated[str, AfterValidator(_converter_name)]


@dataclass(frozen=True, slots=True)
class Request:
    """What a row's `convert` cell asks for; `parameters` with the converter's own filled in."""

    name: str
    converter: Converter
    parameters: Mapping[str, str]


def parse_request(cell: str, converters: Mapping[str, Converter]) -> Request:
    """The meaning of `name?parameter=value&parameter=value`.

    Raises BadText for an unknown converter, and for parameters it does not take or lacks.
    """
    name, _, query = cell.partition("?")
    if not converters:
        raise BadText(
            f"the row asks for the converter {name!r}, but no converter is configured",
            "Leave the cell empty, or describe it under `converters` in the configuration.",
        )
    if name not in converters:
        close = difflib.get_close_matches(name, converters, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(converters)}."
        raise BadText(f"there is no converter {name!r}", hint)
    converter = converters[name]
    given = _given(query)
    parameters = {**converter.parameters, **given}
    _check(converter, name, given, parameters)
    return Request(name, converter, parameters)


def fields(words: list[str]) -> set[str]:
    """The placeholders in a command's words. Raises ValueError for what is not a placeholder."""
    found = set()
    for word in words:
        for _text, field, format_spec, conversion in string.Formatter().parse(word):
            if field is None:
                continue
            if not _PARAMETER.fullmatch(field) or format_spec or conversion:
                raise ValueError(f"{{{field}}} is not a placeholder")
            if field == "inputs" and word != "{inputs}":
                raise ValueError("{inputs} stands for several arguments, and must stand alone")
            found.add(field)
    return found


def _given(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise BadText(
            f"the parameters {query!r} cannot be read ({error})", "Write name?key=value&key=value."
        ) from None
    for key, value in pairs:
        if not _PARAMETER.fullmatch(key):
            raise BadText(f"{key!r} is not a parameter's name", "Write name?key=value&key=value.")
        if key in given:
            raise BadText(f"the parameter {key} is given twice", "Give it once.")
        if not value.isprintable():
            raise BadText(f"{key}={value!r} holds control characters", "Retype the text.")
        given[key] = value
    return given


def _check(
    converter: Converter, name: str, given: Mapping[str, str], parameters: Mapping[str, str]
) -> None:
    asked = fields(shlex.split(converter.command))
    if converter.contract == "biomero":
        taken = [key for key in parameters if key in RESERVED]
        if taken:
            raise BadText(f"{taken[0]} cannot be set by a row", "Leave it out.")
    else:
        unknown = [key for key in given if key not in asked or key in PLACEHOLDERS]
        if unknown:
            known = sorted(asked - set(PLACEHOLDERS))
            raise BadText(
                f"the converter {name} takes no parameter {unknown[0]}",
                f"It takes {', '.join(known)}." if known else "It takes none: write its name only.",
            )
    lacking = sorted(asked - set(PLACEHOLDERS) - set(parameters))
    if lacking:
        raise BadText(
            f"the converter {name} needs a value for {', '.join(lacking)}",
            f"Write it in the cell, like {name}?{lacking[0]}=..., or under the converter's "
            "`parameters`.",
        )
    if "memory_mb" in asked and converter.memory_mb is None:
        raise BadText(
            f"the command of the converter {name} uses {{memory_mb}}, which is not set",
            "Set memory_mb in the converter's configuration.",
        )
