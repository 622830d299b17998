"""What options are made of: blocks of them, and the types of those that pydantic does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

from ingest.config_errors import bad_option
from ingest.fileset import BadText
from ingest.import_options import LARGEST_ID, pixel_size
from ingest.import_transfers import text_problem
from ingest.omero.target_grammar import target_problem

MOST = 1_000_000  # minutes, or filesets of a batch: more can only be a slip


def _path(value: object) -> object:
    if value == "":
        raise bad_option("is empty", "Write a path, or null for none.")
    if not isinstance(value, str):
        return value
    if "\n" in value or "\r" in value:
        raise bad_option("holds a line break", "Write the path on one line.")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise bad_option(
            "begins with the home folder of a user who does not exist", "Write the whole path."
        ) from None


def _results(value: object) -> object:
    if isinstance(value, str) and ("{" in value or "}" in value):
        raise bad_option(
            "has braces, which Snakemake would interpret", "Choose a name without them."
        )
    return _path(value)


def _number(value: object) -> object:
    if isinstance(value, bool):  # which Python takes for 0 and 1
        raise bad_option("is not a number", "Write a number.")
    return value


def _target(value: str) -> str:
    problem = target_problem(value)
    if problem:
        raise bad_option(f"is refused ({problem.cause})", problem.remedy)
    return value


def _import_transfer(value: str) -> str:
    problem = text_problem(value)
    if problem:
        raise bad_option(f"is refused ({problem.cause})", problem.remedy)
    return value


def _counts(value: object) -> bool:
    return isinstance(value, int) and value is not True and 0 < value <= MOST


def _batch_size(value: object) -> object:
    if value == "auto" or _counts(value):
        return value
    raise bad_option(
        f"is neither auto nor a number of filesets up to {MOST:,}",
        "Write auto or a number like 100.",
    )


def _pixel_size(value: object) -> object:
    text = str(value) if isinstance(value, int | float) else value
    try:
        pixel_size(text) if isinstance(text, str) else None
    except BadText as error:
        raise bad_option(f"is refused ({error})", error.problem.remedy) from None
    return text


def _wait(value: object) -> object:
    if value is False or value == 0:  # what YAML makes of `no`
        return "no"
    if value in ("forever", "no") or _counts(value):
        return value
    raise bad_option(
        f"is neither forever, no, nor a number of minutes up to {MOST:,}",
        "Write forever, no or a number like 240.",
    )


FilePath = Annotated[Path, BeforeValidator(_path)]
ResultsFolder = Annotated[Path, BeforeValidator(_results)]
Count = Annotated[int, BeforeValidator(_number), Field(gt=0)]
Number = Annotated[int, BeforeValidator(_number), Field(ge=0)]
Mode = Literal["fast", "full"]  # of what looks at files: their stat alone, or their bytes
Fraction = Annotated[float, Field(ge=0, le=1), BeforeValidator(_number)]
TargetText = Annotated[str, AfterValidator(_target)]
ImportTransfer = Annotated[str, AfterValidator(_import_transfer)]
PixelSize = Annotated[str, BeforeValidator(_pixel_size)]
AnnotationId = Annotated[Count, Field(le=LARGEST_ID)]
Wait = Annotated[Literal["forever", "no"] | PositiveInt, BeforeValidator(_wait)]
BatchSize = Annotated[Literal["auto"] | PositiveInt, BeforeValidator(_batch_size)]
Port = Annotated[Count, Field(le=65535)]


class Section(BaseModel):
    """A block of options; one that is empty in the file keeps all its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        return {} if data is None else data
