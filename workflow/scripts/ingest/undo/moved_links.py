"""The links of an imported row, and what each would become where storage was moved."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingest.config_types import Mode
from ingest.copying import write_remedy
from ingest.digests import digest_file
from ingest.fileset import Problem, Record, SourceFile, StageError
from ingest.source_errors import unreadable
from ingest.undo.moved_records import moved_file, place_now
from ingest.undo.roots import Roots

State = Literal["change", "done", "nothing", "refused"]

_KEPT = "Nothing of this fileset is changed."
COPY_ANEW = (
    f"{_KEPT} Copy the file again from the old place or a backup, and give the same command again."
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link (or what lies in its place) of the row `fileset`: what it leads to, what it would lead
    to (both empty where that is nothing), and why not, where it is refused."""

    fileset: str
    link: str
    leads_to: str
    new: str
    state: State
    cause: str = ""
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def links_of(record: Record, roots: Roots, mode: Mode) -> list[Link]:
    """What is to be done with the links of a row, given the record of its import.

    One that is refused has the row's others refused with it: a fileset lies in one place.
    """
    found = [link for file in record.files for link in _of_file(record, file, roots, mode)]
    refused = next((link for link in found if link.state == "refused"), None)
    if refused is None:
        return found
    return [
        replace(
            link,
            state="refused",
            cause=f"{refused.link}, of the same fileset, is refused",
            remedy=refused.remedy,
        )
        if link.state == "change"
        else link
        for link in found
    ]


def _of_file(record: Record, file: SourceFile, roots: Roots, mode: Mode) -> list[Link]:
    """The links of one file: in the store where `transfer: ln_s` made one, and in OMERO's
    repository."""
    stored = place_now(file.path, roots)
    made = [(record.facts.get("repository_files") or {}).get(file.name)]
    if file.path != file.source and Path(stored).is_symlink():
        made.insert(0, stored)
    # Where the bytes are when all links are led there.
    bytes_at = place_now(file.source if stored in made else file.path, roots)
    links = [
        _look(record.fileset, link, roots, follows=stored in made)
        for link in filter(None, (place and place_now(place, roots) for place in made))
    ]
    problem: Problem | None = None
    if any(link.state == "change" for link in links):
        problem = bytes_problem(file, bytes_at, mode)
    if problem is None:
        return links
    return [
        replace(link, state="refused", cause=problem.cause, remedy=problem.remedy)
        if link.state == "change"
        else link
        for link in links
    ]


def _look(fileset: str, place: str, roots: Roots, follows: bool) -> Link:
    """One link. `follows`: it may lead to a link, which is looked at by itself."""
    link = Path(place)

    def told(state: State, cause: str, remedy: str = "", leads_to: str = "", new: str = "") -> Link:
        return Link(fileset, place, leads_to, new, state, cause, remedy)

    try:
        found = link.lstat()
    except FileNotFoundError:
        return told(
            "refused",
            "it is not there: OMERO's repository is not mounted here, or somebody removed it",
            "Set omero.managed_repository to where the repository lies on this machine; if it lies "
            "there, look with `snakemake audit`.",
        )
    except OSError as error:
        return told("refused", f"it cannot be looked at: {error.strerror}", write_remedy(error))
    if stat.S_ISREG(found.st_mode):
        return told("nothing", "a hard link or a copy: it holds the bytes itself")
    if not stat.S_ISLNK(found.st_mode):
        return told("refused", "it is neither a link nor a file", "Find out who put it there.")
    leads_to = str(link.readlink())
    new = roots.new(leads_to)
    if new is None:
        if roots.is_new(leads_to):
            return told("done", "it already leads to the new place", leads_to=leads_to)
        return told("nothing", "it leads outside the old roots", leads_to=leads_to)
    problem = _place_problem(new, roots.new_root(leads_to), follows) or _folder_problem(link)
    if problem:
        return told("refused", problem.cause, problem.remedy, leads_to, new)
    return told("change", "", leads_to=leads_to, new=new)


def _place_problem(new: str, root: str, follows: bool) -> Problem | None:
    if not os.path.lexists(new):
        return Problem(
            f"there is no {new}",
            f"{_KEPT} Bring the file there, or correct the mapping of its root.",
        )
    if follows:
        return None
    real, real_root = os.path.realpath(new), os.path.realpath(root)
    if not real.startswith(real_root.rstrip("/") + "/"):
        return Problem(
            f"{new} leads to {real}, out of its new root {root}",
            f"{_KEPT} Bring the file itself there: what it leads to now may be what goes away.",
        )
    return None


def _folder_problem(link: Path) -> Problem | None:
    if os.access(link.parent, os.W_OK | os.X_OK):
        return None
    error = PermissionError(13, "Permission denied")
    return Problem(f"{link.parent} may not be written to", write_remedy(error))


def bytes_problem(file: SourceFile, path: str, mode: Mode) -> Problem | None:
    """Why `path` does not hold the bytes of `file`; None when it does, as far as `mode` looks."""
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            return Problem(f"{path} is no file", _KEPT)
        if found.st_size != file.size:
            cause = f"{path} has {found.st_size} bytes, and {file.size} were imported"
            return Problem(cause, COPY_ANEW)
        wanted = {name: hex for name, hex in file.digests.items() if name != "File-Size-64"}
        if mode == "fast" or not wanted:
            return None
        now = digest_file(path, wanted).digests
    except OSError as error:
        problem = unreadable(path, error)
        return Problem(problem.cause, problem.remedy)
    except StageError as error:
        return Problem(error.cause, error.remedy)
    for name, digits in wanted.items():
        if now[name] != digits:
            cause = f"{path} has {name} {now[name]}, and was imported with {digits}"
            return Problem(cause, COPY_ANEW)
    return None


def is_moved(record: Record, roots: Roots, mode: Mode) -> bool:
    """Whether all files of a row that is not linked to, but copied, are at the new place too: then
    what is noted of them is to tell that place."""
    moved = [(file, moved_file(file, roots)) for file in record.files]
    if all(new == old for old, new in moved):
        return False
    return all(bytes_problem(old, new.path, mode) is None for old, new in moved)
