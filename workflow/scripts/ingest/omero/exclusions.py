"""What is in OMERO already, whoever imported it: found by client path, or by names and digests.

Unlike the official client's, these exclusions take only a whole fileset for one: all files of the
row in it, each with its digest, and images made of them. Only the group that the row is imported
into is looked at.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.digests import OMERO_ALGORITHMS, digest_file
from ingest.fileset import SourceFile
from ingest.omero import queries
from ingest.omero.client_paths import client_path
from ingest.omero.importer import StillRunning
from ingest.omero.queries import Entry
from ingest.omero.session import Session
from ingest.source_errors import unreadable

# A name and a size make no file known: OMERO has many of both.
_TELLING = frozenset(OMERO_ALGORITHMS) - {"File-Size-64"}

log = logging.getLogger("ingest")


@dataclass(frozen=True)
class Found:
    """A fileset that holds a row's files, and how it was recognised."""

    fileset_id: int
    how: str


@dataclass
class Digests:
    """The digests of a row's files, by algorithms that others chose: computed when asked for."""

    _computed: dict[tuple[str, str], str] = field(default_factory=dict)

    def known(self, file: SourceFile, algorithm: str) -> str | None:
        return file.digests.get(algorithm) or self._computed.get((file.path, algorithm))

    def of(self, file: SourceFile, algorithm: str) -> str:
        known = self.known(file, algorithm)
        if known is None:
            try:
                known = digest_file(file.path, [algorithm]).digests[algorithm]
            except OSError as error:
                raise unreadable(file.path, error) from None
            self._computed[file.path, algorithm] = known
        return known


def find(session: Session, files: Sequence[SourceFile], exclude: Sequence[str]) -> Found | None:
    """The oldest fileset that holds all of `files`, by the first exclusion that finds one.

    Raises StillRunning when OMERO is not done with it.
    """
    digests = Digests()
    for exclusion in exclude:
        how, candidates, holds = _EXCLUSIONS[exclusion]
        for fileset_id in candidates(session, files[0], digests):
            entries = queries.entries(session, fileset_id)
            if not all(entry.digest for entry in entries):
                continue
            if holds(entries, files, digests) and queries.image_ids(session, fileset_id):
                _check_done(session, fileset_id, how)
                return Found(fileset_id, how)
    return None


def _check_done(session: Session, fileset_id: int, how: str) -> None:
    """Raises StillRunning while somebody's import has its images but not the rest."""
    # Old filesets do not always show that they are done; their sessions are long closed.
    if not queries.is_processed(session, fileset_id) and queries.made_in_open_session(
        session, fileset_id
    ):
        raise StillRunning(f"Fileset:{fileset_id} ({how}), begun by somebody else,")


def _by_path(session: Session, first: SourceFile, _digests: Digests) -> Iterator[int]:
    yield from queries.filesets_with_client_paths(session, _client_paths(first))


def _by_name(session: Session, first: SourceFile, digests: Digests) -> Iterator[int]:
    found = queries.entries_named(session, _name(first), first.size)
    for fileset_id, algorithm, digest in dict.fromkeys(found):
        if algorithm in _TELLING and digests.of(first, algorithm) == digest:
            yield fileset_id


def _holds_paths(entries: Sequence[Entry], files: Sequence[SourceFile], digests: Digests) -> bool:
    """Whether each file's path is there, and nothing that is known of the bytes says no."""
    by_path: Mapping[str, Entry] = {entry.client_path: entry for entry in entries}
    for file in files:
        entry = next((by_path[path] for path in _client_paths(file) if path in by_path), None)
        if entry is None:
            return False
        digest = digests.known(file, entry.algorithm)
        if file.size != entry.size or digest not in (None, entry.digest):
            log.info("%s has other bytes than OMERO has of that client path", file.path)
            return False
    return True


def _holds_names(entries: Sequence[Entry], files: Sequence[SourceFile], digests: Digests) -> bool:
    """Whether each file's name is there with its digest, as often as the row has it."""
    algorithms = {(entry.name, entry.size): entry.algorithm for entry in entries}
    wanted: Counter[tuple[str, str]] = Counter()
    for file in files:
        algorithm = algorithms.get((_name(file), file.size))
        if algorithm not in _TELLING:
            return False
        wanted[_name(file), digests.of(file, algorithm)] += 1
    return wanted <= Counter((entry.name, entry.digest) for entry in entries)


def _client_paths(file: SourceFile) -> list[str]:
    """As it would be imported now, and as it was before a transfer brought it to the store."""
    return list(dict.fromkeys([client_path(file.path), client_path(file.source)]))


def _name(file: SourceFile) -> str:
    return client_path(file.path).rpartition("/")[2]


_Candidates = Callable[[Session, SourceFile, Digests], Iterator[int]]
_Holds = Callable[[Sequence[Entry], Sequence[SourceFile], Digests], bool]
_EXCLUSIONS: Mapping[str, tuple[str, _Candidates, _Holds]] = {
    "clientpath": ("same client path", _by_path, _holds_paths),
    "filename": ("same name and digest", _by_name, _holds_names),
}
