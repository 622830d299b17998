"""OMERO's managed repository on this machine: is it there, is it the server's, may we write to it.

What an in-place import needs of it is OMERO's documentation's ("In-place import", sysadmins): a
group in common with the account that imports, g+rwx and the setgid bit on the folders, and umask
0002 for both. That a folder is the server's is told by the file in which OMERO.server keeps its
repository's id, <repository>/.omero/repository/<database>/repo_uuid, written by Java's writeUTF
(FileMaker in omero-blitz), or by files that OMERO knows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.doctor.findings import Finding
from ingest.doctor.people import Account, group_name, has_acl, is_read_only, user_name
from ingest.omero.placing import REMEDY_MOUNT
from ingest.omero.session import Session

CHECK = "repository"
REMOUNT = (
    "Have it mounted for writing on this machine: rw in /etc/fstab or the automounter's map; an "
    "NFS server's export must allow it, too."
)
SEEN = 20  # files that OMERO knows which are looked for


@dataclass(frozen=True, slots=True)
class Known:
    """What OMERO says of its repository: its id, its database's, and newest files and folders as
    (path in the repository, size in bytes or -1 for a folder)."""

    uuid: str
    database: str
    files: tuple[tuple[str, int], ...]


def known_to_omero(session: Session, proxy: Any) -> Known:
    """What the server says of its repository, and of the newest files in it."""
    root = proxy.root()
    uuid = root.getHash().getValue() if root.getHash() else ""
    # A server may have millions of files: only the newest are asked for.
    ((newest,),) = session.rows(
        "select max(o.id) from OriginalFile o where o.repo = :repo", repo=uuid
    )
    rows = session.rows(
        "select o.path, o.name, o.size, o.mimetype from OriginalFile o "
        "where o.repo = :repo and o.id > :above order by o.id desc",
        repo=uuid,
        above=(newest or 0) - 10 * SEEN,
    )
    files = [
        (f"{path.strip('/')}/{name}".lstrip("/"), -1 if mimetype == "Directory" else size)
        for path, name, size, mimetype in rows[:SEEN]
        if name
    ]
    return Known(uuid, session.database, tuple(files))


def mounted(folder: Path, servers: Path) -> Iterator[Finding]:
    """`servers` is the folder as the server has it."""
    try:
        what = "" if stat.S_ISDIR(folder.stat().st_mode) else "is not a folder on this machine"
    except PermissionError:
        what = "may not be looked at by this account"
    except OSError:
        what = "is not there on this machine"
    if what:
        yield Finding("fix", CHECK, f"OMERO's managed repository {what}: {folder}", REMEDY_MOUNT)
        return
    elsewhere = f" (the server's {servers})" if folder != servers else ""
    yield Finding("ok", CHECK, f"found at {folder}{elsewhere}")


def is_the_servers(folder: Path, known: Known) -> Iterator[Finding]:
    """Whether the folder is this server's repository: by its uuid, and by files that are known."""
    remedy = (
        "Mount the server's own ManagedRepository, or correct omero.managed_repository; nothing "
        "can be linked into another one."
    )
    kept = folder / ".omero" / "repository"
    uuid = _uuid(kept / known.database / "repo_uuid")
    if uuid:
        if uuid == known.uuid:
            yield Finding("ok", CHECK, "it is the server's: its id is the one that OMERO knows")
        else:
            yield Finding(
                "fix", CHECK, f"{folder} is another repository: its id is {uuid}, not {known.uuid}",
                remedy,
            )  # fmt: skip
        return
    if _others(kept):
        yield Finding("fix", CHECK, f"{folder} is a repository of another OMERO database", remedy)
        return
    if not known.files:
        yield Finding(
            "note",
            CHECK,
            f"OMERO keeps nothing in its repository yet: whether {folder} is the same cannot be "
            "seen from outside",
            "The first import finds out before it links anything.",
        )
        return
    seen = sum(_is_as_known(folder / path, size) for path, size in known.files)
    if seen:
        yield Finding(
            "ok", CHECK, f"it is the server's: {seen} of OMERO's {len(known.files)} newest files "
            "and folders are in it",
        )  # fmt: skip
    else:
        empty = "empty: perhaps its mount is missing" if not any(folder.iterdir()) else "another"
        yield Finding(
            "fix", CHECK, f"{folder} is {empty}: none of the files that OMERO has last stored is "
            f"in it, like {known.files[0][0]}", remedy,
        )  # fmt: skip


def _uuid(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    length = int.from_bytes(content[:2], "big")  # as Java's writeUTF puts it in front
    return content[2 : 2 + length].decode("utf-8", "replace")


def _others(kept: Path) -> bool:
    try:
        return any((database / "repo_uuid").exists() for database in kept.iterdir())
    except OSError:
        return False


def _is_as_known(path: Path, size: int | None) -> bool:
    # A link counts, wherever it leads: that it has this name is what OMERO knows.
    if not os.path.lexists(path):
        return False
    return size in (None, -1) or path.is_symlink() or path.stat().st_size == size


def import_folders(folder: Path) -> list[Path]:
    """The folders that lead to the newest import: what the server made for it, the topmost first.

    By OMERO's default template: <user>/<year-month>/<day>/<time>.
    """
    found: list[Path] = []
    here = folder
    for _ in range(4):
        try:
            below = [
                Path(entry.path)
                for entry in os.scandir(here)
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
        except PermissionError:
            break
        if not below:
            break
        here = max(below, key=lambda path: path.stat().st_mtime)
        found.append(here)
    return found


def writable(folder: Path, us: Account) -> Iterator[Finding]:
    """Whether this account can make links in folders that the server makes below `folder`."""
    found = folder.stat()
    owner, group = user_name(found.st_uid), group_name(found.st_gid)
    how = f"owner {owner}, group {group}, mode {stat.S_IMODE(found.st_mode):04o}"
    if is_read_only(folder):
        yield Finding("fix", CHECK, f"{folder} is mounted read-only", REMOUNT)
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        yield Finding(
            "fix", CHECK, f"{us.name} may not write to {folder} ({how})",
            _grant(folder, us, "Give this account a group in common with OMERO's: "),
        )  # fmt: skip
        return
    if us.uid in (0, found.st_uid):
        why = "its owner" if us.uid == found.st_uid else "root"
        yield Finding(
            "ok", CHECK, f"{us.name} is {why} and may write to it, whatever its group ({how})"
        )
        return
    yield Finding("ok", CHECK, f"{us.name} may write to it ({how})")


def shared_by_group(folder: Path, us: Account) -> Iterator[Finding]:
    """The group and the setgid bit, by which the folders that the server makes are ours to use."""
    found = folder.stat()
    if us.uid == found.st_uid:
        yield Finding("ok", CHECK, f"{us.name} owns it: no group and no setgid bit is needed")
        return
    if us.uid == 0:
        lacks = "" if found.st_mode & stat.S_ISGID else ", which lacks the setgid bit"
        yield Finding(
            "warn", CHECK, f"root may write everywhere in {folder}{lacks}: what root can says "
            "nothing of other accounts, and what it makes belongs to root",
            "Import by an account of its own, as OMERO's documentation on in-place import says, "
            "and run doctor as that one.",
        )  # fmt: skip
        return
    group = group_name(found.st_gid)
    if has_acl(folder):
        yield Finding(
            "note", CHECK, "it has an access control list, which may stand in for group and setgid",
            "Check with getfacl that it has a default entry for this account's group.",
        )  # fmt: skip
        return
    if found.st_gid not in us.gids:
        yield Finding(
            "fix", CHECK, f"its group is {group}, of which {us.name} is not a member (but of: "
            f"{', '.join(sorted(map(group_name, us.gids)))})",
            _grant(folder, us, f"Add {us.name} to the group {group}, or give it another group: "),
        )  # fmt: skip
    elif not found.st_mode & stat.S_ISGID:
        yield Finding(
            "fix", CHECK, f"{folder} lacks the setgid bit: folders that OMERO makes in it get the "
            "group of its own account, and nothing could be linked there",
            _grant(folder, us, "As OMERO's documentation on in-place import says: "),
        )  # fmt: skip
    elif found.st_mode & stat.S_IRWXG != stat.S_IRWXG:
        yield Finding(
            "fix", CHECK, f"the group {group} may not read, write and search {folder}",
            _grant(folder, us, "Grant it: "),
        )  # fmt: skip
    else:
        yield Finding("ok", CHECK, f"group {group} with setgid bit, shared with {us.name}")


def newest_import(folders: Sequence[Path], us: Account) -> Iterator[Finding]:
    """Whether what the server made for its last import is ours to write to: so will the next be."""
    if not folders:
        yield Finding("note", CHECK, "no import is in it yet that would show the server's umask")
        return
    newest = folders[-1]
    if os.access(newest, os.W_OK | os.X_OK, effective_ids=True):
        yield Finding("ok", CHECK, "the folder of its newest import may be written to")
        return
    found = newest.stat()
    cause = (
        f"the folder of its newest import may not be written to: {newest} (owner "
        f"{user_name(found.st_uid)}, group {group_name(found.st_gid)}, mode "
        f"{stat.S_IMODE(found.st_mode):04o})"
    )
    if found.st_gid in us.gids and not found.st_mode & stat.S_IWGRP:
        yield Finding(
            "fix", CHECK, cause, "The server's umask keeps the group out: add UMask=0002 to the "
            "Service section of its systemd unit, restart it, and run chmod g+rws on the folders "
            "that are there.",
        )  # fmt: skip
    else:
        yield Finding(
            "fix", CHECK, cause, "Run chgrp and chmod g+rws, as for the repository, on the folders "
            "below it as well: users, months and days.",
        )  # fmt: skip


def _grant(folder: Path, us: Account, first: str) -> str:
    groups = sorted(us.gids)
    group = group_name(groups[-1]) if groups else "<group>"
    return (
        f"{first}chgrp {group} {folder} && chmod g+rws {folder}, the same for the folders below it "
        "(users, months, days), and umask 0002 for the server."
    )
