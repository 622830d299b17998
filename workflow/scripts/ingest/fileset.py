"""The domain: a manifest row (Fileset), its files (SourceFile), what a stage did (Record)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Status = Literal["ok", "notneeded", "unfinished", "impossible", "error"]


class StageError(Exception):
    """One fileset cannot go on: an `error` record, which does not affect the rest of the batch."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class Unfinished(StageError):
    """Nothing is wrong, but OMERO is still working on this fileset: an `unfinished` record, from
    which a rerun continues."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and what to do about it."""

    cause: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        return _values(self)


class BadText(ValueError):
    """Text in a manifest's cell or in the configuration that is not valid there."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.problem = Problem(cause, remedy)


@dataclass(frozen=True, slots=True)
class Fileset:
    """One manifest row with every default filled in: all that a job has to know of it.

    `row` is the line of the manifest (its header is line 1). `path` and `checksums` are absolute.
    `pixel_size` is x, y and z in micrometres, or empty; `annotations` are ids of annotations in
    OMERO, `comments` are (namespace, text), the namespace of a plain comment empty.
    `files` holds names or globs under the path's folder; when it is empty Bio-Formats says which
    files belong to `path`. A row that was refused but skipped carries its `problem`.
    """

    id: str
    row: int
    path: str
    files: tuple[str, ...] = ()
    target: str = ""
    user: str = ""
    group: str = ""
    name: str = ""
    description: str = ""
    transfer: str = "none"
    import_transfer: str = "ln_s"
    convert: str = ""
    checksum: str = ""
    checksums: str = ""
    tags: tuple[str, ...] = ()
    key_values: tuple[tuple[str, str], ...] = ()
    checksum_algorithm: str = "Murmur3-128"
    thumbnails: bool = True
    minmax: bool = True
    pixel_size: tuple[float, ...] = ()
    annotations: tuple[int, ...] = ()
    comments: tuple[tuple[str, str], ...] = ()
    exclude: tuple[str, ...] = ()
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        return {**_values(self), "problem": self.problem.to_json() if self.problem else None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fileset:
        """Fields that `data` lacks get their defaults."""
        values = dict(data)
        for name in ("files", "tags", "pixel_size", "annotations", "exclude"):
            if name in values:
                values[name] = tuple(values[name])
        for name in ("key_values", "comments"):
            if name in values:
                values[name] = tuple((key, value) for key, value in values[name])
        if values.get("problem"):
            values["problem"] = Problem(**values["problem"])
        return cls(**values)


DEFAULTS = {each.name: each.default for each in fields(Fileset)}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a fileset as a stage left it.

    `source` is where the manifest's row found it (for a converter's output: the first original),
    `path` where the next stage finds its bytes (the same place until a transfer moves them),
    `name` its POSIX path relative to the fileset's folder. `size` (in bytes), `mtime_ns` and
    `inode` are those of `path`. `digests` maps an algorithm's name (OMERO's, or BLAKE3) to
    lower-case hexadecimal digits.
    """

    source: str
    path: str
    name: str
    size: int
    mtime_ns: int
    inode: int
    digests: Mapping[str, str] = field(default_factory=dict)

    def digested(self, digests: Mapping[str, str]) -> SourceFile:
        """The same with these digests. (`dataclasses.replace` takes longer than a small digest.)"""
        return SourceFile(
            self.source, self.path, self.name, self.size, self.mtime_ns, self.inode, digests
        )

    def to_json(self) -> dict[str, Any]:
        return _values(self)


@dataclass(frozen=True, slots=True)
class Record:
    """What one stage did with one fileset.

    `started` is UTC in ISO 8601, `seconds` a duration. `files` are for the next stage; the first
    is the one OMERO opens. `facts` holds whatever else the stage found out (JSON values only).
    """

    fileset: str
    stage: str
    status: Status
    cause: str = ""
    remedy: str = ""
    started: str = ""
    seconds: float = 0.0
    host: str = ""
    files: tuple[SourceFile, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.status in ("ok", "notneeded")

    def to_json(self) -> dict[str, Any]:
        return {**_values(self), "files": [file.to_json() for file in self.files]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        return cls(**{**data, "files": tuple(SourceFile(**file) for file in data["files"])})


def _values(item: Any) -> dict[str, Any]:
    """A dataclass's fields by name. Not `asdict`: that copies deeply, at ten times the cost."""
    return {name: getattr(item, name) for name in item.__slots__}
