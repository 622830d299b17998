"""OMERO's server: login, version, checksum algorithms, accounts, rights and clock."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.config import Config
from ingest.context import Context
from ingest.doctor.findings import Finding
from ingest.doctor.rows import Row
from ingest.fileset import StageError
from ingest.omero.accounts import check_account, no_right
from ingest.omero.login import find_login
from ingest.omero.session import Session
from ingest.words import some

TRIED = (5, 6)  # OMERO versions that the importer's protocol was read from
MAY_DIFFER, MUST_AGREE = 2.0, 30.0  # seconds between two clocks

_NTP = "Have both machines keep their time by NTP (chrony or systemd-timesyncd)"


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says of itself; `ahead` is its clock minus ours, in seconds."""

    version: str
    offered: tuple[str, ...]
    ahead: float


def log_in(context: Context) -> tuple[Session, list[Finding]]:
    """Raises StageError when there is no login."""
    login = find_login(context.config.omero)
    session = context.sessions.get()
    found = [Finding("ok", "login", f"{session.user} at {session.server}, group {session.group}")]
    if login.is_session:
        found.append(
            Finding(
                "note",
                "login",
                "it is by a running session, which ends when it is idle or logged out",
                "For a long run set OMERO_USER and OMERO_PASSWORD.",
            )
        )
    if login.is_embedded:
        found.append(
            Finding(
                "note",
                "server",
                "this is the embedded server, for rehearsal",
                "For your own server set omero.embedded to false, and omero.host.",
            )
        )
    return session, found


def ask(session: Session, proxy: Any) -> Server:
    """`proxy` is the managed repository's."""
    config = session.factory.getConfigService()
    version = config.getVersion()
    offered = tuple(each.getValue().getValue() for each in proxy.listChecksumAlgorithms())
    asked = time.time()
    server = config.getServerTime().getValue() / 1000
    answered = time.time()
    # The answer is as old as half the way there and back, more or less.
    ahead = server - (asked + answered) / 2
    if abs(ahead) <= answered - asked:
        ahead = 0.0
    return Server(version, offered, ahead)


def version(text: str) -> Iterator[Finding]:
    numbers = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
    if numbers and numbers < TRIED:
        yield Finding(
            "warn",
            "version",
            f"OMERO.server {text} is older than those this importer was made for (5.6)",
            "Try it with one fileset first, or update the server.",
        )
    else:
        yield Finding("ok", "version", f"OMERO.server {text or 'of a version it does not tell'}")


def algorithms(offered: Collection[str], wanted: Collection[str]) -> Iterator[Finding]:
    """`wanted` are those of the rows and the configuration, `auto` perhaps among them."""
    names = ", ".join(offered)
    if not offered:
        yield Finding(
            "fix",
            "checksums",
            "the server computes none of OMERO's checksums",
            "Ask its administrator: omero.checksum.supported names those it computes.",
        )
        return
    lacking = sorted(set(wanted) - set(offered) - {"auto"})
    if lacking:
        yield Finding(
            "fix",
            "checksums",
            f"the server does not compute {', '.join(lacking)}",
            f"Set checksum.algorithm (or the rows' checksum_algorithm) to auto or one of: {names}.",
        )
        return
    yield Finding("ok", "checksums", f"offered: {names}")
    if "File-Size-64" in wanted:
        yield Finding(
            "warn",
            "checksums",
            "File-Size-64 compares no bytes: a damaged file of the same size is not noticed",
            "Set checksum.algorithm to Murmur3-128.",
        )


def clock(ahead: float, whose: str = "the server's clock") -> Iterator[Finding]:
    """`ahead` is another clock minus ours, in seconds."""
    apart = f"{whose} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if abs(ahead) > MUST_AGREE:
        yield Finding("fix", "clocks", apart, f"{_NTP}: times in OMERO and records would be wrong.")
    elif abs(ahead) > MAY_DIFFER:
        yield Finding("warn", "clocks", apart, f"{_NTP}.")
    else:
        yield Finding("ok", "clocks", f"{whose} agrees with this machine's")


def accounts_asked(rows: Iterable[Row], config: Config) -> list[tuple[str, str]]:
    """(user, group) of the rows and of the defaults, each once; "" is the login's own."""
    asked = {(row.fileset.user, row.fileset.group): None for row in rows}
    asked[config.defaults.user, config.defaults.group] = None
    return list(asked)


def accounts(session: Session, asked: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Whether each (user, group) exists, and whether the login may work as that user there.

    A session for another user takes the Sudo privilege of an administrator, or an owner of the
    group: as `session_for` asks it of OMERO, which is not asked here because that opens one.
    """
    event = session.factory.getAdminService().getEventContext()
    privileges = set(event.adminPrivileges or ())
    if event.isAdmin:
        may = "with" if "Sudo" in privileges else "without"
        yield Finding("ok", "rights", f"{event.userName} is an administrator, {may} Sudo")
    else:
        own = _names(session, event.leaderOfGroups)
        led = f"owns {some(sorted(own.values()), 'groups')}" if own else "owns no group"
        yield Finding("ok", "rights", f"{event.userName} is not an administrator and {led}")
    right = 0
    for user, group in asked:
        who = user or event.userName
        try:
            check_account(session.rows, session.server, who, group)
        except StageError as error:
            yield Finding("fix", "accounts", error.cause, error.remedy)
            continue
        if who == event.userName or (event.isAdmin and "Sudo" in privileges):
            right += 1
            continue
        place = group or default_group(session, who)
        owned = _names(session, event.leaderOfGroups).values()
        if place in owned:
            right += 1
            continue
        refusal = no_right(event, who, group)
        yield Finding("fix", "rights", refusal.cause, refusal.remedy)
    if right:
        yield Finding("ok", "accounts", f"{right} of {len(asked)} users and groups can be used")


def _names(session: Session, groups: Iterable[int]) -> dict[int, str]:
    ids = list(groups or ())
    if not ids:
        return {}
    rows = session.rows(
        "select g.id, g.name from ExperimenterGroup g where g.id in (:ids)", ids=ids
    )
    return dict(rows)


def default_group(session: Session, user: str) -> str:
    """The group that a user works in who names none."""
    admin = session.factory.getAdminService()
    found = admin.getDefaultGroup(admin.lookupExperimenter(user).getId().getValue())
    return str(found.getName().getValue())
