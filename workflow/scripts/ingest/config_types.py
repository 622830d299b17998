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


def _path(value: object) -> object:
    if value == "":
        raise bad_option("is empty", "Write a path, or null for none.")
    return Path(value).expanduser() if isinstance(value, str) else value


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


def _batch_size(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise bad_option("is neither auto nor a number of filesets", "Write auto or a number like 100.")


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
    if value in ("forever", "no") or (isinstance(value, int) and value is not True and value > 0):
        return value
    raise bad_option(
        "is neither forever, no, nor a number of minutes", "Write forever, no or a number like 240."
    )


FilePath = Annotated[Path, BeforeValidator(_path)]
TargetText = Annotated[str, AfterValidator(_target)]
ImportTransfer = Annotated[str, AfterValidator(_import_transfer)]
PixelSize = Annotated[str, BeforeValidator(_pixel_size)]
AnnotationId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Wait = Annotated[Literal["forever", "no"] | PositiveInt, BeforeValidator(_wait)]
BatchSize = Annotated[Literal["auto"] | PositiveInt, BeforeValidator(_batch_size)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A block of options; one that is empty in the file keeps all its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        return {} if data is None else data
