"""Looks at one file by all its names, and tells what is not as it should be."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from ingest.audit.expected import File, Name
from ingest.audit.findings import Finding, Kind
from ingest.audit.permissions import writers
from ingest.copying import STRONG, VERIFICATION
from ingest.digests import ALGORITHMS, digest_file
from ingest.protection import WRITE
from ingest.source_errors import SourceChanged

_LEADS_NOWHERE = ("missing", "dangling link", "link leads elsewhere", "replaced")
_GIVE_BACK = "Find out who gave it away, and give it back (chown; of a link: chown -h)."
READ = 0o444
ROUNDED = 2_000_000_000  # nanoseconds: the coarsest times that file systems keep


class Look:
    """One look at a file. `findings` is what came of it, `folders` those that hold its names (True
    where a folder's group may write to it), `was_read` whether its bytes were compared."""

    def __init__(
        self,
        file: File,
        reads: bool,
        decides: bool,
        permissions: bool,
        advance: Callable[[int], None],
    ) -> None:
        """`reads`: compare digests anyway. `decides`: compare them where times differ. `advance` is
        told how many bytes were read."""
        self.findings: list[Finding] = []
        self.folders: dict[str, bool] = {}
        self.was_read = False
        self._file = file
        self._reads, self._decides, self._permissions = reads, decides, permissions
        self._advance = advance
        # What was found of an inode, of which several names may tell.
        self._of_inode: dict[tuple[int, int], Finding | None] = {}
        self._ours = {name.path for name in file.names}
        self._broken: set[str] = set()  # names that do not lead to the file's bytes
        for name in file.names:
            self._name(name)

    def _name(self, name: Name) -> None:
        path = Path(name.path)
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                if name.leads_to in self._broken:
                    self._broken.add(name.path)  # and whatever leads on to it
                    return
                if not self._leads_right(name, path):
                    return
                if self._permissions and name.link_owner not in (None, found.st_uid):
                    what = f"is a link of user {found.st_uid} now, and was one of {name.link_owner}"
                    self._add("may be changed by others", name, what, _GIVE_BACK)
                found = path.stat()
            elif name.link == "must":
                self._add("replaced", name, "is no longer a symbolic link")
                return
        except (FileNotFoundError, NotADirectoryError):
            self._missing(name)
            return
        except OSError as error:
            if error.errno == errno.ELOOP:
                self._add("dangling link", name, "leads back to itself")
            else:
                self._add("unreadable", name, f"cannot be looked at: {error.strerror}")
            return
        if not stat.S_ISREG(found.st_mode):
            self._add("replaced", name, "is no longer a regular file")
            return
        inode = (found.st_dev, found.st_ino)
        if inode in self._of_inode:
            self._also(inode, name)
        else:
            before = len(self.findings)
            self._bytes(name, found)
            self._of_inode[inode] = self.findings[-1] if len(self.findings) > before else None
            if self._permissions:
                self._writable(name, found)
        if self._permissions:
            in_repository = name.role == "repository file"
            self._folder(str(path.parent), in_repository)
            real = Path(os.path.realpath(path))
            self._folder(str(real.parent), in_repository and not path.is_symlink())

    def _folder(self, folder: str, group_may: bool) -> None:
        self.folders[folder] = self.folders.get(folder, True) and group_may

    def _leads_right(self, name: Name, path: Path) -> bool:
        """Whether a link leads where it should; what is wrong is added."""
        target = str(path.readlink())
        if name.link == "never":
            self._add("replaced", name, f"is a symbolic link to {target} now, and was a file")
            return False
        expected = name.leads_to
        if not expected or target == expected or _same(path, expected):
            return True
        kind: Kind = "link leads elsewhere" if path.exists() else "dangling link"
        self._add(kind, name, f"leads to {target}, not to {expected}")
        return False

    def _missing(self, name: Name) -> None:
        path = Path(name.path)
        if not path.is_symlink():
            self._add("missing", name, "is not there")
        elif not {name.leads_to, str(path.readlink())} & self._ours:
            # Else what it leads to is a name of the file, too, which tells that it is missing.
            self._add("dangling link", name, f"leads to {path.readlink()}, which is missing")

    def _bytes(self, name: Name, found: os.stat_result) -> None:
        file = self._file
        if found.st_size != file.size:
            what = f"has {found.st_size} bytes, not {file.size}"
            self._add("size differs", name, what)
            return
        if not found.st_mode & READ:
            self._add("unreadable", name, "cannot be read by anybody: its mode does not allow it")
            return
        change = _change(name, found)
        if not (self._reads or (change and self._decides)):
            if change:
                self._add("changed", name, change)
            return
        expected = _telling(file.digests)
        try:
            digests = digest_file(name.path, expected, self._advance).digests
        except SourceChanged as error:
            self._add("changed", name, f"changes while it is read: {error}")
            return
        except OSError as error:
            self._add("unreadable", name, f"cannot be read: {error.strerror or error}")
            return
        self.was_read = True
        for algorithm, digits in expected.items():
            if digests[algorithm] != digits:
                what = f"has the {algorithm} {digests[algorithm]}, not {digits}"
                self._add("digest differs", name, what)
                return

    def _also(self, inode: tuple[int, int], name: Name) -> None:
        earlier = self._of_inode[inode]
        if earlier is None:
            return
        position = self.findings.index(earlier)
        added = Finding(
            earlier.kind,
            earlier.filesets,
            earlier.file,
            earlier.what,
            (*earlier.also, name.path),
            earlier.remedy,
        )
        self.findings[position] = self._of_inode[inode] = added

    def _writable(self, name: Name, found: os.stat_result) -> None:
        theirs = name.role == "repository file" and not Path(name.path).is_symlink()
        them = writers(name.path, found, group_may=theirs)
        owner, mode = name.access or (found.st_uid, found.st_mode)
        if them:
            self._add("may be changed by others", name, f"may be written to by {them}")
        elif found.st_uid != owner:
            what = f"belongs to user {found.st_uid} now, and to {owner} when it was imported"
            self._add("may be changed by others", name, what, _GIVE_BACK)
        elif found.st_mode & WRITE and (name.read_only or not mode & WRITE):
            self._add("not protected", name, "was read-only, and is not any more")
        elif mode & READ & ~found.st_mode and found.st_mode & READ:
            what = f"has the mode {found.st_mode & 0o777:03o}, and had {mode & 0o777:03o}"
            self._add("unreadable", name, f"may be read by fewer accounts: it {what}")

    def _add(self, kind: Kind, name: Name, what: str, remedy: str = "") -> None:
        if kind in _LEADS_NOWHERE:
            self._broken.add(name.path)
        said = f"the {name.role} {name.path} {what}"
        self.findings.append(Finding(kind, self._file.filesets, name.path, said, remedy=remedy))


def _same(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _change(name: Name, found: os.stat_result) -> str:
    """How a file's stat differs from the noted one; empty when it does not."""
    allowed = ROUNDED if name.about else 0
    if name.mtime_ns is not None and abs(found.st_mtime_ns - name.mtime_ns) > allowed:
        return "was written to, by its time, since it was imported"
    if name.inode is not None and found.st_ino != name.inode:
        return "is another file than the one that was imported (its inode differs)"
    return ""


def _telling(digests: Mapping[str, str]) -> Mapping[str, str]:
    """The digest that no damage escapes, if there is one: one is as good as several."""
    known = {name: digits for name, digits in digests.items() if name in ALGORITHMS}
    strong = [name for name, digits in known.items() if len(digits) >= STRONG]
    if not strong:
        return known
    name = VERIFICATION if VERIFICATION in strong else strong[0]
    return {name: known[name]}
