"""Which files of a lane are one fileset: by their names or folders, or as Bio-Formats says."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

import imageformats
from imageformats import Grouping
from ingest.drop.lane import Candidate, Files, Lane, ancestors
from ingest.drop.listing import final_name

_PARTS = re.compile(r"([0-9]+)|([^0-9]+)")


@dataclass
class Grouped:
    """The filesets that were found. `waiting` maps files to what they wait for; `refused` files to
    the reason and to what it depends on (see Beside)."""

    candidates: list[Candidate] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)


def by_name(lane: Lane, files: Files) -> Grouped:
    """One file, the files of one folder, or those whose names have the pattern's group in common,
    each as the lane's options say."""
    sets: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in [*files.stamps, *files.arriving]:
        sets[_key(lane, final_name(path))].append(path)
    found = Grouped()
    for key, members in sets.items():
        arriving = [path for path in members if path in files.arriving]
        waits = f"{arriving[0]} is still arriving" if arriving else ""
        members = sorted((path for path in members if path in files.stamps), key=_natural)
        first = next(filter(lane.may_begin, members), None)
        if first is None:
            reason = "its name is not on the whitelist", ""
            found.refused |= {path: reason for path in members if path in files.new}
            continue
        members.remove(first)
        if key[0] == "folder":
            folder = lane.root + "/" + key[1]
            found.candidates.append(Candidate(folder, (first, *members), False, waits))
        else:
            found.candidates.append(_candidate((first, *members), key[0] == "pattern", waits))
    return found


def _candidate(files: tuple[str, ...], listed: bool, waits: str = "") -> Candidate:
    """A fileset of these files; its path is the file, or the folder they all lie in."""
    if len(files) == 1:
        listed = listed and not entry_problem(Path(files[0]).name)
        return Candidate(files[0], files, listed, waits)
    folder = os.path.commonpath([str(Path(path).parent) for path in files])
    return Candidate(folder, files, listed, waits)


def by_bioformats(
    lane: Lane,
    files: Files,
    to_judge: Iterable[str],
    beside: Beside,
    fileset_of: Grouping,
) -> Grouped:
    """As Bio-Formats, asked by `fileset_of`, groups the files `to_judge`.

    A fileset waits while a file of another kind arrives beside it: it may be the one that names
    the others, and is often written last.
    """
    found = Grouped()
    arrivals = _Arrivals(lane, files)
    to_open = []
    for path in sorted(filter(lane.may_begin, to_judge)):
        if busy := arrivals.beside(path):
            found.waiting[path] = f"{busy} is still arriving"
        elif not os.access(path, os.R_OK):
            found.waiting[path] = "it may not be read"
        else:
            to_open.append(path)
    sets: dict[str, tuple[str, ...]] = {}  # by the file that was opened
    claimed: dict[str, str] = {}  # files, and the opened file of their set
    for path in to_open:
        if path in claimed:
            continue
        try:
            fileset = fileset_of(path)
        except imageformats.TookTooLong as error:
            # Nothing that arrives beside it is worth that time again.
            reason = f"{error.reason}; touch it once watch.read_limit allows for more"
            found.refused[path] = reason, ""
            continue
        except imageformats.UnreadableImage as error:
            depends = "" if error.unknown_format else beside.of(path)
            found.refused[path] = error.reason, depends
            continue
        except OSError as error:
            found.waiting[path] = f"it cannot be read: {error.strerror}"
            continue
        reason = _unfit(path, fileset.files, fileset.reader, lane)
        if reason:
            found.refused[path] = reason, beside.of(path)
            continue
        members = set(fileset.files)
        for opened in {claimed[member] for member in members & claimed.keys()}:
            if members.issuperset(sets.get(opened, ())):
                sets.pop(opened, None)  # it is a part of this one
        sets[path] = fileset.files
        claimed |= dict.fromkeys(members, path)
    found.waiting = {path: why for path, why in found.waiting.items() if path not in claimed}
    found.refused = {path: why for path, why in found.refused.items() if path not in claimed}
    found.candidates = [_candidate(paths, listed=True) for paths in sets.values()]
    return found


def entry_problem(entry: str) -> str:
    """Why a path cannot stand among the `files` of a manifest; empty when it can."""
    if ";" in entry:
        return "holds a semicolon"
    return "begins or ends with a space" if entry != entry.strip() else ""


class Beside:
    """Tells, by folder, whether something changed in or (but for the lane's root) below it: a file
    that could not be read may have lacked what has arrived since."""

    def __init__(self, lane: Lane, files: Files) -> None:
        self._lane = lane
        self._files = files
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        folder = str(Path(path).parent)
        if folder not in self._known:
            near = sorted(
                f"{other} {stamp.content}"
                for other, stamp in self._files.stamps.items()
                if str(Path(other).parent) == folder
                or (folder != self._lane.root and other.startswith(folder + "/"))
            )
            digest = blake3("\n".join(near).encode())
            self._known[folder] = digest.hexdigest(8)
        return self._known[folder]


def _key(lane: Lane, path: str) -> tuple[str, ...]:
    depth = lane.options.folder_depth
    if depth:
        parts = lane.inner(path).split("/")
        return ("folder", "/".join(parts[:depth])) if len(parts) > depth else ("file", path)
    if lane.options.group_by != "file":
        folder, _, name = path.rpartition("/")
        match = re.fullmatch(lane.options.group_by, name)
        if match:
            return ("pattern", folder, *(group or "" for group in match.groups()))
    return ("file", path)


def _natural(path: str) -> list[tuple[int, str]]:
    """What puts t2 before t10."""
    return [(int(number or 0), text) for number, text in _PARTS.findall(path)]


def _kind(path: str) -> str:
    return Path(final_name(path)).suffix.lower()


class _Arrivals:
    """The kinds of files that arrive in each folder, and below it, each with one of the files."""

    def __init__(self, lane: Lane, files: Files) -> None:
        self._root = lane.root
        self._within: dict[str, dict[str, str]] = defaultdict(dict)
        self._below: dict[str, dict[str, str]] = defaultdict(dict)
        for path in sorted(files.busy | files.arriving):
            own, *above = ancestors(path, lane.root)
            self._within[own].setdefault(_kind(path), path)
            for folder in above:
                self._below[folder].setdefault(_kind(path), path)

    def beside(self, path: str) -> str:
        """A file of another kind that arrives in the file's folder, below it (but for the root,
        which all files lie below) or in one above it; empty when there is none."""
        kind = _kind(path)
        own, *above = ancestors(path, self._root)
        near = [self._within[folder] for folder in (own, *above) if folder in self._within]
        if own != self._root:
            near.append(self._below.get(own, {}))
        return next((busy for kinds in near for other, busy in kinds.items() if other != kind), "")


def _unfit(path: str, members: tuple[str, ...], reader: str, lane: Lane) -> str:
    """Why a fileset that Bio-Formats found is none for us; empty when it is."""
    allowed = lane.options.readers
    if allowed and reader.rpartition(".")[2] not in allowed and reader not in allowed:
        return f"{reader.rpartition('.')[2]} reads it, which is not among the tree's readers"
    if path not in members:
        return f"its metadata name {members[0]} in its place: it is a copy under another name"
    outside = [member for member in members if not lane.holds(member)]
    if outside:
        return f"it needs {outside[0]}, which lies outside {lane.root}"
    return ""
