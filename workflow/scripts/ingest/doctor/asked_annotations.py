"""Annotations in OMERO that rows, or import.annotations, put on images: whether they are there."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping

import omero

from ingest.config import Config
from ingest.doctor.findings import Finding
from ingest.doctor.rows import Rows
from ingest.doctor.server import default_group
from ingest.omero.session import Session
from ingest.words import some

CHECK = "annotations"

Accounts = Collection[tuple[str, str]]  # user and group; "" is the login's own

_REMEDY = (
    "Correct import.annotations (or the rows' cells): OMERO links annotations to images of their "
    "own group only."
)


def asked(rows: Rows, config: Config) -> dict[int, Accounts]:
    """By its id, as whom each is put on images. Where no row is right, the option says."""
    if not rows.todo and not rows.done:
        account = (config.defaults.user, config.defaults.group)
        return {number: {account} for number in config.importing.annotations}
    found: dict[int, set[tuple[str, str]]] = {}
    for row in rows.todo:
        for number in row.fileset.annotations:
            found.setdefault(number, set()).add((row.fileset.user, row.fileset.group))
    return {**found}


def in_their_group(session: Session, wanted: Mapping[int, Accounts]) -> Iterator[Finding]:
    """Whether each is in the group of the images that it is to be put on."""
    if not wanted:
        return
    event = session.factory.getAdminService().getEventContext()
    rows = session.rows(
        "select a.id, g.name from Annotation a join a.details.group g where a.id in (:ids)",
        ids=sorted(wanted),
    )
    groups: dict[int, str] = dict(rows)
    right = 0
    for number, accounts in sorted(wanted.items()):
        if number not in groups:
            # What others may read this login need not see.
            ours = all(user in ("", event.userName) for user, _ in accounts)
            cause = f"there is no annotation {number} that {event.userName} can read"
            yield Finding("fix" if event.isAdmin or ours else "warn", CHECK, cause, _REMEDY)
            continue
        elsewhere = _groups(session, accounts, event.userName) - {groups[number]}
        if elsewhere:
            cause = (
                f"annotation {number} is in group {groups[number]}, and is asked for images in "
                f"{some(sorted(elsewhere), 'groups')}"
            )
            yield Finding("fix", CHECK, cause, _REMEDY)
        else:
            right += 1
    if right:
        yield Finding("ok", CHECK, f"{right} of {len(wanted)} can be put on images")


def _groups(session: Session, accounts: Accounts, own: str) -> set[str]:
    found = {group for _, group in accounts if group}
    for user in {user for user, group in accounts if not group}:
        with contextlib.suppress(omero.ApiUsageException):  # no such user: told by the accounts
            found.add(default_group(session, user) if user not in ("", own) else session.group)
    return found
