"""One look at the trees: what is settled is handed on, everything else is accounted for."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import imageformats
from imageformats import Grouping
from ingest.drop.grouping import Beside, Grouped, by_bioformats, by_name, entry_problem
from ingest.drop.hand_on import Ready, catch_up, hand_on, look_closely
from ingest.drop.lane import Candidate, Files, Lane, lanes
from ingest.drop.listing import Listing, Stamp, read_tree, stamp_of
from ingest.drop.options import Tree
from ingest.drop.recognise import recognise, recognise_touched
from ingest.drop.state import Refused, Seen, State
from ingest.intakes import Intake, remove_unfinished

_T = TypeVar("_T")

NEVER_READ = (0, 0, 0)  # the content of what is refused for its name


@dataclass
class Account:
    """What a scan found: `files` in all, of them `known` ones that were handed on earlier;
    `waiting` and `refused` by path, with the reason, of those `news` that were never told before;
    the `intakes` it wrote, and `problems` that kept it from looking."""

    files: int = 0
    known: int = 0
    filesets: int = 0
    intakes: list[Intake] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    news: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def scan(trees: Mapping[str, Tree], intakes: Path, state: State, read_limit: float) -> Account:
    """Look at all trees once. `intakes` is where intakes are written; the caller holds the lock.
    Bio-Formats gets `read_limit` seconds for each file."""
    remove_unfinished(intakes)
    catch_up(intakes, state)
    with imageformats.grouping_apart(read_limit) as fileset_of:
        return _scan(trees, intakes, _Memory(state, intakes, fileset_of))


def _scan(trees: Mapping[str, Tree], intakes: Path, memory: _Memory) -> Account:
    account = Account()
    for name, options in trees.items():
        try:
            found, stray = lanes(name, options)
        except OSError as error:
            account.problems.append(
                f"{options.root} (drop.{name}.root) cannot be read: {error.strerror}. Mount it, or "
                "give the account that scans permission to read it."
            )
            memory.keep_below(str(options.root.absolute()))
            continue
        account.files += len(stray)
        for path, reason in stray.items():
            memory.refuse(path, NEVER_READ, reason)
        ready: list[Ready] = []
        for lane in found:
            ready += _scan_lane(lane, memory, account)
        memory.save_seen()
        for start in range(0, len(ready), options.batch):
            batch = ready[start : start + options.batch]
            account.intakes.append(hand_on(batch, intakes, memory.state))
            account.filesets += len(batch)
    memory.save()
    account.refused = {path: one.reason for path, one in memory.refused_now.items()}
    account.news = memory.news
    return account


class _Memory:
    """What the state knew when the scan began, what the scan adds, and whom it asks."""

    def __init__(self, state: State, intakes: Path, fileset_of: Grouping) -> None:
        self.state = state
        self.intakes = intakes
        self.fileset_of = fileset_of
        self.now = time.time()
        self.refused_before = state.refused()
        self.refused_now: dict[str, Refused] = {}
        self.news: set[str] = set()
        self._seen_before = state.seen()
        self._seen_now: dict[str, Seen] = {}
        self._kept: list[str] = []
        self._names: dict[Stamp, str] = {}

    def quiet_for(self, path: str, stamp: Stamp) -> float:
        """For how many seconds a file has not changed, as far as scans saw it."""
        before = self._seen_before.get(path)
        unchanged = before is not None and before.stamp == stamp
        # A clock that was set back must not make a file wait for it to catch up.
        since = min(before.since, self.now) if before and unchanged else self.now
        self._seen_now[path] = Seen(stamp, since)
        return self.now - since

    def is_further_name(self, path: str, stamp: Stamp) -> bool:
        """Whether this scan has seen the file already, by another name. One that was refused gives
        way to one that was not: a file may be of use under one of its names only."""
        first = self._names.setdefault(stamp, path)
        if self.was_refused(first, stamp) and not self.was_refused(path, stamp):
            self._names[stamp] = first = path
        return first != path

    def was_refused(self, path: str, stamp: Stamp) -> bool:
        before = self.refused_before.get(path)
        return before is not None and before.content == stamp.content

    def refuse(
        self, path: str, content: tuple[int, int, int], reason: str, beside: str = ""
    ) -> None:
        refused = Refused(content, beside, reason)
        before = self.refused_before.get(path)
        if before is None or (before.content, before.reason) != (content, reason):
            self.news.add(path)
        self.refused_now[path] = refused

    def keep_below(self, root: str) -> None:
        """Nothing is forgotten of a tree that could not be read."""
        self._kept.append(root + "/")
        for path, refused in self.refused_before.items():
            if path.startswith(root + "/"):
                self.refused_now[path] = refused

    def save_seen(self) -> None:
        with self.state.change():
            self.state.note_seen(_changed(self._seen_now, self._seen_before), ())

    def save(self) -> None:
        gone = [
            path
            for path in self._seen_before.keys() - self._seen_now.keys()
            if not path.startswith(tuple(self._kept))
        ]
        with self.state.change():
            self.state.note_seen(_changed(self._seen_now, self._seen_before), gone)
            self.state.note_refused(
                _changed(self.refused_now, self.refused_before),
                self.refused_before.keys() - self.refused_now.keys(),
            )


def _changed(now: Mapping[str, _T], before: Mapping[str, _T]) -> dict[str, _T]:
    return {key: value for key, value in now.items() if before.get(key) != value}


def _scan_lane(lane: Lane, memory: _Memory, account: Account) -> list[Ready]:
    listing = read_tree(lane.root, lane.options.ignore, lane.options.subfolders)
    account.files += len(listing.files) + len(listing.arriving) + len(listing.refused)
    account.problems += listing.problems
    for path, reason in listing.refused.items():
        memory.refuse(path, NEVER_READ, reason)
    markers = _Markers(lane, listing, memory.state)
    files = _sorted_out(lane, listing, memory)
    account.known += len(files.stamps) - len(files.new)
    account.waiting |= dict.fromkeys(listing.arriving, "its name says that it is still arriving")

    beside = Beside(lane, files)
    if lane.options.group_by == "bioformats":
        found = _with_bioformats(lane, files, markers, memory, beside)
    else:
        found = by_name(lane, files)
    account.waiting |= found.waiting
    for path, (reason, depends) in found.refused.items():
        memory.refuse(path, files.stamps[path].content, reason, depends)

    claimed: dict[str, Candidate] = {}
    ready = []
    for candidate in found.candidates:
        new = [path for path in candidate.files if path in files.new]
        if not new:
            continue
        reason = _unusable(candidate, files, claimed)
        if reason:
            memory.refuse(new[0], files.stamps[new[0]].content, reason)
            continue
        claimed |= dict.fromkeys(candidate.files, candidate)
        judged = _judge(lane, candidate, files, markers, memory)
        if isinstance(judged, Ready):
            ready.append(judged)
        else:
            account.waiting[candidate.files[0]] = judged
    claimed_or_told = claimed.keys() | account.waiting.keys() | memory.refused_now.keys()
    for path in files.busy - claimed_or_told:
        account.waiting[path] = _seconds(lane)
    for path in files.new & files.quiet - claimed_or_told:
        if not lane.may_begin(path):
            reason = "its name is not on the whitelist, and no fileset needs it"
            memory.refuse(path, files.stamps[path].content, reason)
    return ready


def _sorted_out(lane: Lane, listing: Listing, memory: _Memory) -> Files:
    settle = lane.options.settle
    stamps = {path: stamp for path, stamp in listing.files.items() if not _is_marker(path, lane)}
    with memory.state.change():  # of all renamed files at once
        new = set()
        for path in sorted(stamps, key=lambda path: memory.was_refused(path, stamps[path])):
            if recognise(path, stamps[path], memory.state) is not None:
                continue
            if not (lane.may_begin(path) and memory.is_further_name(path, stamps[path])):
                new.add(path)
                continue
            memory.quiet_for(path, stamps[path])  # its turn may come
            if memory.was_refused(path, stamps[path]):
                memory.refused_now[path] = memory.refused_before[path]
    quiet = {path for path in new if memory.quiet_for(path, stamps[path]) >= settle}
    with memory.state.change():
        touched = {
            path
            for path in (new if lane.options.ready_marker else quiet)
            if recognise_touched(path, stamps[path], memory.state, memory.intakes)
        }
    new, quiet = new - touched, quiet - touched
    # One that was given up long ago holds nobody back.
    arriving = {
        path
        for path, stamp in listing.arriving.items()
        if memory.quiet_for(path, stamp) < settle or not settle
    }
    return Files(stamps, new, quiet, arriving)


def _with_bioformats(
    lane: Lane, files: Files, markers: _Markers, memory: _Memory, beside: Beside
) -> Grouped:
    """Like `by_bioformats`, remembering what it refused; that is opened again when it changes, or
    when what may have been missing has arrived beside it."""
    busy_folders = {str(Path(path).parent) for path in files.busy}
    lacking: dict[str, str] = {}
    new = files.new & files.quiet
    if lane.options.ready_marker:
        # The marker tells, not the time: nothing else has to be quiet.
        new = {path for path in files.new if markers.of(Candidate(path, (path,), False))}
        lacking = dict.fromkeys(files.new - new, _no_marker(lane))
        files = Files(files.stamps, files.new, files.new)
    settled = {}
    for path in new:
        before = memory.refused_before.get(path)
        if before is None or before.content != files.stamps[path].content:
            continue
        unchanged = not before.beside or before.beside == beside.of(path)
        if unchanged or str(Path(path).parent) in busy_folders:
            settled[path] = before
    found = by_bioformats(lane, files, new - settled.keys(), beside, memory.fileset_of)
    members = {path for candidate in found.candidates for path in candidate.files}
    for path, before in settled.items():
        if path not in members:
            memory.refuse(path, before.content, before.reason, before.beside)
    found.waiting |= {path: why for path, why in lacking.items() if path not in members}
    return found


def _unusable(candidate: Candidate, files: Files, claimed: Mapping[str, Candidate]) -> str:
    """Why a fileset cannot be handed on, whatever happens to other files; empty when it can."""
    shared = next((path for path in candidate.files if path in claimed), None)
    if shared:
        return f"it shares {shared} with the fileset of {claimed[shared].files[0]}"
    if candidate.listed and len(candidate.files) > 1:
        for path in candidate.files:
            problem = entry_problem(os.path.relpath(path, candidate.path))
            if problem:
                return f"the name of {path} {problem}: rename it"
    stamps = [files.stamps[path] for path in candidate.files if path in files.stamps]
    return "" if any(stamp.size for stamp in stamps) else "it is empty"


def _judge(
    lane: Lane, candidate: Candidate, files: Files, markers: _Markers, memory: _Memory
) -> Ready | str:
    """The fileset when it is to be handed on, or what it waits for."""
    stamps: dict[str, Stamp] = {}
    busy = {path for path in candidate.files if path in files.busy}
    for path in candidate.files:
        stamp = files.stamps.get(path) or stamp_of(path)
        if stamp is None:
            return f"{path} has gone"
        # A fileset may need a file that is none of its own right: a hidden one, say.
        if path not in files.stamps and memory.quiet_for(path, stamp) < lane.options.settle:
            busy.add(path)
        stamps[path] = stamp
    marker = markers.of(candidate) if lane.options.ready_marker else ""
    if lane.options.ready_marker and not marker:
        return _no_marker(lane)
    if marker:
        stamps[marker] = markers.stamps[marker]
    if not marker or markers.used(marker):
        if candidate.waits:
            return candidate.waits
        late = [path for path in candidate.files if path in busy]
        if late:
            return _seconds(lane, "" if late[0] == candidate.files[0] else late[0])
    try:
        ready = look_closely(lane, candidate, stamps)
    except OSError as error:
        return f"{error.filename or candidate.files[0]} cannot be read: {error.strerror}"
    return ready or "it changed while it was looked at"


class _Markers:
    """The ready markers of a lane."""

    def __init__(self, lane: Lane, listing: Listing, state: State) -> None:
        self._lane = lane
        self._state = state
        self.stamps = {
            path: stamp for path, stamp in listing.files.items() if _is_marker(path, lane)
        }

    def of(self, candidate: Candidate) -> str:
        """The marker of a fileset, in its folder or above; empty when there is none yet."""
        marker = self._lane.options.ready_marker
        inside = Path(candidate.path) if candidate.path != candidate.files[0] else None
        for path in map(Path, candidate.files):
            name = marker.format(name=path.name, stem=path.name.partition(".")[0])
            for folder in filter(None, [inside, path.parent, *path.parent.parents]):
                if not self._lane.holds(f"{folder}/{name}"):
                    break
                if str(folder / name) in self.stamps:
                    return str(folder / name)
        return ""

    def used(self, marker: str) -> bool:
        """Whether filesets were handed on because of it: then it tells nothing of later ones."""
        content = self.stamps[marker].content
        return any(old.stamp.content == content for old in self._state.handed_at(marker))


def _is_marker(path: str, lane: Lane) -> bool:
    marker = lane.options.ready_marker
    if not marker:
        return False
    before, _, after = marker.replace("{stem}", "{name}").partition("{name}")
    name = path.rpartition("/")[2]
    if "{" not in marker:
        return name == marker
    return name.startswith(before) and name.endswith(after) and len(name) > len(before + after)


def _no_marker(lane: Lane) -> str:
    return f"there is no {lane.options.ready_marker} for it yet"


def _seconds(lane: Lane, path: str = "") -> str:
    what = f"{path} has" if path else "it has"
    return f"{what} not yet been unchanged for {lane.options.settle:g} seconds"
