"""What the keys of a bulk file, which are options of `omero import`, are here.

The table in docs/omero-import-options.md says the same in words.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.fileset import BadText
from ingest.manifest_columns import COLUMNS, COMMENT, FAMILIES

# A manifest's column by another name.
RENAMED = {
    "transfer": "import_transfer",
    "n": "name",
    "plate_name": "name",
    "x": "description",
    "plate_description": "description",
    "g": "group",
    "annotation_link": "annotations",
    "T": "target",
}
_ANSWERS = {"no_thumbnails": "thumbnails", "no_stats_info": "minmax"}
_OFFICIAL_COLUMNS = ("d", "r", "annotation_ns", "annotation_text", "skip", *_ANSWERS, *RENAMED)

_NO_MEANING = {
    "depth": "folders are searched four deep",
    "readers": "the server chooses the reader",
    "l": "the server chooses the reader",
    "no_upgrade_check": "there is no check for upgrades",
    **dict.fromkeys(("logprefix", "file", "errs"), "each job's log is in results/logs"),
    **dict.fromkeys(("output", "debug", "logback", "quiet"), "see results/imported.csv and logs"),
    **dict.fromkeys(("report", "upload", "logs", "email", "qa_baseurl"), "nothing is sent away"),
    **dict.fromkeys(
        ("server", "port", "user", "password", "key", "create", "sudo", "encrypted", "s", "p", "u",
         "w", "k", "C"),
        "the login comes from the environment, and a row's user from the column user",
    ),
    **dict.fromkeys(("clientdir", "fetch_jars", "javahelp", "advanced_help"), "there is no Java"),
    **dict.fromkeys(("agent", "keep_alive"), "sessions are kept alive"),
    **dict.fromkeys(("auto_close", "close_completed", "wait_completed"), "see import.wait"),
}  # fmt: skip
_JOB_OPTIONS = {"parallel_fileset": "parallel_filesets", "parallel_upload": "parallel_files"}


@dataclass
class Meaning:
    """Of a bulk file's options: cells for every row by column, options of the import section, what
    is of no use here, and whether it asks that nothing be imported."""

    cells: dict[str, str] = field(default_factory=dict)
    importing: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    dry_run: bool = False


def meaning(options: Mapping[str, Any]) -> Meaning:
    """Raises BadText for the first option that cannot be."""
    found = Meaning()
    for written, value in options.items():
        key = written.replace("-", "_")
        if key == "dry_run":
            found.dry_run = str(value).lower() != "false"
        elif key in ("continue", "c"):
            if not _is_yes(value):
                found.warnings.append(f"{written}: {value} - one fileset's failure stops no other")
        elif key in _JOB_OPTIONS:
            found.importing[_JOB_OPTIONS[key]] = _number(written, value)
        elif key == "minutes_wait":
            minutes = _number(written, value)
            found.importing["wait"] = "forever" if minutes < 0 else minutes or "no"
        elif key in _NO_MEANING:
            found.warnings.append(f"{written} has no effect here: {_NO_MEANING[key]}")
        elif value is not None:
            found.cells |= row_cells({written: value})
    return found


def row_cells(values: Mapping[str, Any]) -> dict[str, str]:
    """A row's options as cells of a manifest. Raises BadText for one that there is not."""
    cells: dict[str, str] = {}
    for written, value in values.items():
        key = written.replace("-", "_")
        if key == "skip":
            cells |= _skipped(value)
        elif key in _ANSWERS:
            cells[_ANSWERS[key]] = "no" if _is_yes(value) else "yes"
        elif key in ("d", "r"):
            cells["target"] = f"{'Dataset' if key == 'd' else 'Screen'}:{_text(written, value)}"
        elif key == "annotation_text":
            namespace = _text("annotation_ns", values.get("annotation_ns", ""))
            cells[f"{COMMENT}{namespace}" if namespace else "comment"] = _text(written, value)
        elif key in RENAMED or key in COLUMNS:
            cells[RENAMED.get(key, key)] = _text(written, value)
        elif written.startswith(tuple(FAMILIES)):
            cells[written] = _text(written, value)
        elif key != "annotation_ns":
            raise _unknown(written)
    return cells


def check_columns(columns: Sequence[str]) -> None:
    """Raises BadText for a column of a list that there is not; those of no meaning pass."""
    row_cells({name: "" for name in columns if not is_meaningless(name)})


def is_meaningless(column: str) -> bool:
    return column.replace("-", "_") in _NO_MEANING


def _skipped(value: Any) -> dict[str, str]:
    words = value if isinstance(value, list) else [value] if value else []
    unknown = set(words) - {"all", "checksum", "minmax", "thumbnails", "upgrade"}
    if unknown:
        raise BadText(
            f"skip: {sorted(map(str, unknown))[0]} cannot be skipped",
            "Write all, checksum, minmax, thumbnails or upgrade.",
        )
    cells = {
        "checksum": ("checksum_algorithm", "File-Size-64"),
        "minmax": ("minmax", "no"),
        "thumbnails": ("thumbnails", "no"),
    }
    return dict(cell for word, cell in cells.items() if word in words or "all" in words)


def _text(key: str, value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return ";".join(map(str, value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadText(f"{key}: {value!r} is not text", "Write a text, in quotes if need be.")
    return str(value)


def _number(key: str, value: Any) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise BadText(f"{key}: {value!r} is not a whole number", "Write a number like 4.") from None


def _is_yes(value: Any) -> bool:
    # An option without a value, like `no_thumbnails:`, is one that is set.
    return value is None or str(value).lower() not in ("false", "no", "0", "")


def _unknown(key: str) -> BadText:
    close = difflib.get_close_matches(key, [*COLUMNS, *_OFFICIAL_COLUMNS, *_NO_MEANING], n=1)
    remedy = f"Did you mean {close[0]}?" if close else "Take it out."
    return BadText(f"{key} is neither an option of omero import nor a column of a manifest", remedy)
