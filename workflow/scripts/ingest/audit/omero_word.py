"""What OMERO says of filesets: many a question, so that there are as few as thousands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omero.rtypes import unwrap

from ingest.chunks import in_chunks
from ingest.fileset import StageError
from ingest.omero import queries
from ingest.omero.queries import Entry
from ingest.omero.repository import open_repository
from ingest.omero.session import Session

FILESETS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Word:
    """What OMERO has of some filesets: `marks` are their ids by import id, `entries` by fileset
    id, in order; a fileset that is not there has none. `elsewhere` are the ids of original files
    that lie in another repository."""

    marks: dict[str, int]
    existing: set[int]
    entries: dict[int, list[Entry]]
    elsewhere: dict[int, str]


def word_on(session: Session, filesets: Sequence[int], marks: Sequence[str]) -> Word:
    """OMERO's word on these filesets, and on those that carry one of these import ids."""
    by_mark = {
        mark: fileset for fileset, mark in queries.filesets_with_import_ids(session, list(marks))
    } if marks else {}  # fmt: skip
    ids = sorted({*filesets, *by_mark.values()})
    word = Word(by_mark, set(), {}, {})
    if not ids:
        return word
    word.existing.update(existing(session, ids))
    own = unwrap(open_repository(session, None).proxy.root().getHash())
    # The entries' order is that of the fileset's files.
    rows = session.pages(
        "select e.id, e.fileset.id, e.clientPath, o.id, o.path, o.name, o.size, o.hash, h.value, "
        "o.repo from FilesetEntry e join e.originalFile o left outer join o.hasher h "
        "where e.fileset.id in (:ids) and e.id > :last order by e.id",
        ids=ids,
    )
    for _, fileset, client_path, file_id, path, name, size, digest, algorithm, repo in rows:
        entry = Entry(client_path, file_id, path, name, size or 0, digest or "", algorithm or "")
        word.entries.setdefault(fileset, []).append(entry)
        if repo and own and repo != own:
            word.elsewhere[file_id] = repo
    return word


def existing(session: Session, filesets: Sequence[int]) -> set[int]:
    """Those of these filesets that are in OMERO, as far as the session sees."""
    rows = session.rows("select f.id from Fileset f where f.id in (:ids)", ids=list(filesets))
    return {row[0] for row in rows}


def filesets_of_group(session: Session, group: str) -> Iterator[list[int]]:
    """The ids of all filesets of a group that the session can see, some hundreds at a time.

    Raises StageError when there is no such group to see.
    """
    if not session.rows("select g.id from ExperimenterGroup g where g.name = :name", name=group):
        raise StageError(
            f"there is no group {group} at {session.server} that {session.user} can see",
            "Correct audit.group, or audit with an account that is in that group or an "
            "administrator.",
        )
    rows = session.pages(
        "select f.id from Fileset f where f.details.group.name = :name and f.id > :last "
        "order by f.id",
        name=group,
    )
    yield from in_chunks((fileset for (fileset,) in rows), FILESETS_AT_ONCE)


def sees_all(session: Session) -> bool:
    """Whether the session's user may read everything."""
    return bool(session.factory.getAdminService().getEventContext().isAdmin)


def never_finished(session: Session, filesets: Sequence[int]) -> set[int]:
    """Those of these filesets that have no images, and that no session works on any more."""
    rows = session.rows(
        "select f.id, s.id from Fileset f join f.details.creationEvent e join e.session s "
        "left outer join f.images i where f.id in (:ids) and i.id is null and s.closed is not null",
        ids=list(filesets),
    )
    return {row[0] for row in rows}


def without_images(session: Session, filesets: Sequence[int]) -> set[int]:
    """Those of these filesets that have no image."""
    rows = session.rows(
        "select f.id from Fileset f left outer join f.images i "
        "where f.id in (:ids) and i.id is null",
        ids=list(filesets),
    )
    return {row[0] for row in rows}


def names_below(session: Session, folders: Sequence[str]) -> dict[str, set[str]]:
    """The names that OMERO has in these folders of its repository (paths without slashes at their
    ends, "" for its top)."""
    # With and without a slash in front: servers have written both.
    written = {f"{slash}{folder}/" for folder in folders for slash in ("/", "")} | (
        {"/", ""} if "" in folders else set()
    )
    found: dict[str, set[str]] = {folder: set() for folder in folders}
    for _, path, name in session.pages(
        "select o.id, o.path, o.name from OriginalFile o where o.path in (:paths) "
        "and o.id > :last order by o.id",
        paths=sorted(written),
    ):
        found.setdefault(path.strip("/"), set()).add(name)
    return found
