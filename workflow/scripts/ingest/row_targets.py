"""The target of a row: as it is written, or what its template makes of the row's folder."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from ingest.context import Context
from ingest.fileset import Fileset, StageError
from ingest.journal import last_done
from ingest.listed_files import listed_files
from ingest.omero.target_grammar import target_problem
from ingest.omero.target_template import concrete_target, is_template
from ingest.plates import is_plate


def row_target(fileset: Fileset, sources: Container[str], plate: bool | None) -> str:
    """The target as one of its own, given the fileset's sources and whether it is a plate.

    A template is matched with the row's `path` if that is a folder, else with the folder it lies
    in. Raises StageError when it does not match, or gives a name that OMERO cannot keep.
    """
    if not is_template(fileset.target):
        return fileset.target
    folder = Path(fileset.path)
    # What a transfer moved away is known from the files that were there.
    if not folder.is_dir() and (folder.exists() or fileset.path in sources):
        folder = folder.parent
    target = concrete_target(fileset.target, folder.as_posix(), bool(plate))
    problem = target_problem(target)
    if problem:
        raise StageError(
            f"the target {fileset.target} gives {target}: {problem.cause}", problem.remedy
        )
    return target


def early_row_target(fileset: Fileset, context: Context) -> str:
    """As `row_target`, for the job that may run before the row's files were looked at.

    What an earlier run found is in the journal. Otherwise a row with a converter is taken for no
    plate: what a converter makes is not known here. Raises StageError.
    """
    if not is_template(fileset.target):
        return fileset.target
    done = last_done(context.journal.events(fileset.id), "convert")
    if done:
        sources = [file["source"] for file in done["record"]["files"]]
        own = any(f"{source}/".startswith(f"{fileset.path}/") for source in sources)
        if own or fileset.convert:  # else the row named other files then
            return row_target(fileset, sources, done["record"]["facts"].get("is_plate"))
    plate = None
    if not fileset.convert:
        path = listed_files(fileset)[0] if fileset.files else fileset.path
        plate = is_plate(path, context)
    return row_target(fileset, [fileset.path], plate)
