"""What `stat`, `access` and the listing of a folder tell about the files that rows name."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ingest import checksum_file
from ingest.file_names import Folders, entry_problem, matches
from ingest.import_transfers import removes_sources
from ingest.journal import Journal
from ingest.manifest_problems import RowProblem
from ingest.source_files import is_text

FOLDER = 20_000_000_000  # bytes that a folder is reckoned as


class SourceRow(NamedTuple):
    """The cells of a row that concern files, defaults filled in; `path` is absolute, `files` are
    its entries. (Of a hundred thousand of these a dataclass takes three times as long.)"""

    line: int
    path: str
    files: tuple[str, ...]
    fileset: str
    transfer: str
    import_transfer: str
    checksum: str
    checksums: str


@dataclass(frozen=True, slots=True)
class _Folder:
    absolute: str
    real: str  # with every symbolic link resolved
    is_allowed: bool  # for what lies in it, but for links and what is ours


class _Refused(Exception):
    """A path that cannot be used."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


# The line, the fileset and the column of the row that claims a file or folder.
_Claim = tuple[int, str, str]


@dataclass
class Seen:
    """What was seen of some rows.

    `sizes` are the bytes of the files that the row of a line names, FOLDER for a folder, whose
    files nobody counts. `places` are what the row of a line names with every symbolic link
    resolved: its file, or the folder of its files. `files` and `trees` are the files, and the whole
    folders, that rows claim.
    """

    problems: list[RowProblem] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    files: dict[str, _Claim] = field(default_factory=dict)
    trees: dict[str, _Claim] = field(default_factory=dict)

    def claim(self, claims: dict[str, _Claim], real: str, claim: _Claim) -> None:
        first = claims.setdefault(real, claim)
        if first[0] != claim[0]:
            line, fileset, column = claim
            cause = f"{real!r} is claimed by {_row(first)} too"
            self.problems.append(RowProblem(line, column, fileset, cause, _ONE_ROW))

    @classmethod
    def together(cls, parts: Iterable[Seen]) -> Seen:
        """What was seen of all rows, given what was seen of some each, in their order."""
        seen = cls()
        for part in parts:
            seen._add(part)
        seen._add_overlaps()
        return seen

    def _add(self, later: Seen) -> None:
        self.problems += later.problems
        self.sizes |= later.sizes
        self.places |= later.places
        for claims, others in ((self.files, later.files), (self.trees, later.trees)):
            if claims.keys().isdisjoint(others):
                claims |= others
            else:
                for real, claim in others.items():
                    self.claim(claims, real, claim)

    def _add_overlaps(self) -> None:
        """Finds rows that claim a whole folder in which another row claims something."""
        if not self.trees:
            return
        nearest: dict[str, _Claim | None] = {}
        reported: set[tuple[int, int]] = set()
        for real, claim in [*self.files.items(), *self.trees.items()]:
            parent = _parent(real)
            if parent not in nearest:
                nearest[parent] = next(
                    (self.trees[above] for above in _upwards(parent) if above in self.trees), None
                )
            tree = nearest[parent]
            if tree is None or tree[0] == claim[0] or (claim[0], tree[0]) in reported:
                continue
            reported.add((claim[0], tree[0]))
            self.problems.append(_overlap(real, claim, tree))


class SourceChecks:
    """Checks what rows name.

    No source is opened. `folder` is the manifest's, absolute; `roots` are the folders that rows may
    name files in (none: anywhere); `store` is where filesets are transferred to; `journal` tells
    which sources were removed on purpose; `ours` are the manifest and the folder of the results,
    which are nobody's images.
    """

    def __init__(
        self,
        folder: str,
        roots: Sequence[Path],
        store: Path | None,
        journal: Journal,
        ours: Sequence[Path] = (),
    ) -> None:
        self._seen = Seen()
        self._base = folder
        self._roots = [os.path.realpath(root) for root in roots]
        self._prefixes = tuple(root.rstrip("/") + "/" for root in self._roots)
        self._ours = [os.path.realpath(path) for path in ours]
        self._untouchable = tuple(f"{path}/" for path in self._ours)
        self._store = store
        self._journal = journal
        self._folders: dict[str, _Folder] = {}
        self._listings = Folders()
        self._checksum_files: dict[str, _Refused | None] = {}

    def absolute(self, path: str) -> str:
        """A path of the manifest made absolute, without `.` and `..`."""
        return "/".join(self._split(path)).replace("//", "/")

    def look_at(self, rows: Iterable[SourceRow]) -> Seen:
        self._seen = Seen()
        for row in rows:
            self._check(row)
        return self._seen

    def _check(self, row: SourceRow) -> None:
        if row.checksums:
            self._check_checksums(row)
        if row.transfer == "mv" and self._store and (self._store / row.fileset).exists():
            return  # an earlier run has moved them: there may be nothing left to look at
        is_removed = removes_sources(row.import_transfer)
        if is_removed and self._journal.removed(row.fileset):
            return  # or has imported them
        column = "path"
        try:
            real, status = self._look(row.path)
            is_folder = stat.S_ISDIR(status.st_mode)
            place = real if is_folder or not row.files else sys.intern(_parent(real))
            self._seen.places[row.line] = place
            if is_removed:
                self._check_outside_store(row.path, real)
            # Of those files that are the row's own alone, as most are, all is known.
            if row.files and (is_folder or row.files != (row.path.rpartition("/")[2],)):
                if not (is_folder or stat.S_ISREG(status.st_mode)):
                    raise _neither(row.path, status)
                column = "files"
                self._check_files(row, real, status)
                return
            _check_readable(row.path, status)
            if not is_folder:
                self._seen.sizes[row.line] = status.st_size
                self._seen.claim(self._seen.files, real, (row.line, row.fileset, column))
            else:
                self._seen.sizes[row.line] = FOLDER
                if not _holds_a_file(row.path):
                    raise _Refused(
                        f"there is no file in the folder {row.path!r}",
                        "Name the folder that holds the fileset's files, or remove the row.",
                    )
                self._seen.claim(self._seen.trees, real, (row.line, row.fileset, column))
                if row.checksum:
                    self._add(row, "checksum", *_ONE_FILE)
        except _Refused as refused:
            self._add(row, column, refused.cause, refused.remedy)

    def _add(self, row: SourceRow, column: str, cause: str, remedy: str) -> None:
        self._seen.problems.append(RowProblem(row.line, column, row.fileset, cause, remedy))

    def _split(self, path: str) -> tuple[str, str]:
        """The folder of a path, absolute, and the name in it."""
        joined = (path if path.startswith("/") else f"{self._base}/{path}").rstrip("/")
        head, _, name = joined.rpartition("/")
        if name in (".", ".."):
            head, _, name = os.path.realpath(joined).rpartition("/")
        return self._folder(head or "/").absolute, name

    def _folder(self, text: str) -> _Folder:
        known = self._folders.get(text)
        if known is None:
            # Only the file system knows what `..` means behind a symbolic link.
            up = ".." in text.split("/")
            absolute = os.path.realpath(text) if up else "/" + os.path.normpath(text).lstrip("/")
            real = os.path.realpath(absolute)
            refused = self._refusal(f"{absolute}/", f"{real}/")
            known = self._folders[text] = _Folder(absolute, real, refused is None)
        return known

    def _look(self, absolute: str) -> tuple[str, os.stat_result]:
        """The path with every link resolved, and the status of what is there. Raises _Refused."""
        head, _, name = absolute.rpartition("/")
        folder = self._folder(head or "/")
        is_real = folder.real == folder.absolute
        real = absolute if is_real else f"{folder.real.rstrip('/')}/{name}"
        try:
            status = os.lstat(absolute)
            if folder.is_allowed and stat.S_ISREG(status.st_mode) and real not in self._ours:
                return real, status
            if stat.S_ISLNK(status.st_mode):
                real = os.path.realpath(absolute)
                status = Path(absolute).stat()
        except OSError as error:
            raise self._refusal(absolute, real) or _unreachable(absolute, real, error) from None
        refused = self._refusal(absolute, real)
        if refused:
            raise refused
        return real, status

    def _refusal(self, absolute: str, real: str) -> _Refused | None:
        """Why nothing may be named there, whatever it is."""
        # A path like /proc/self/cwd/a.tif leads every process elsewhere.
        no_disk = real.startswith(_NO_DISK) or absolute.startswith(_NO_DISK)
        if no_disk or real in self._ours or real.startswith(self._untouchable):
            return _Refused(
                f"{absolute!r} is not a file on disk but part of the system's view of itself"
                if no_disk
                else f"{absolute!r} is part of this run",
                "Correct the path, or name the files one by one.",
            )
        if self._roots and not real.startswith(self._prefixes) and real not in self._roots:
            leads = "" if real == absolute else f" (it leads to {real!r})"
            return _Refused(
                f"{absolute!r}{leads} is outside the allowed folders",
                f"Move it below {' or '.join(self._roots)}, or add its folder to the option "
                "allowed_roots.",
            )
        return None

    def _check_outside_store(self, absolute: str, real: str) -> None:
        if self._store and Path(real).is_relative_to(os.path.realpath(self._store)):
            raise _Refused(
                f"{absolute!r} lies in the store, where files stay for good, and the row's "
                "import_transfer removes it",
                "Write an import_transfer without _rm.",
            )

    def _check_files(self, row: SourceRow, own_real: str, status: os.stat_result) -> None:
        is_folder = stat.S_ISDIR(status.st_mode)
        folder = row.path if is_folder else _parent(row.path)
        own = "" if is_folder else row.path.rpartition("/")[2]
        names: dict[str, None] = {}
        for entry in row.files:
            found = [entry] if entry == own else self._expand(row, folder, entry)
            names.update(dict.fromkeys(found))
        for name in names:
            path = f"{folder}/{name}"
            try:
                real, file_status = (own_real, status) if name == own else self._look(path)
                _check_file(path, name, file_status)
            except _Refused as refused:
                self._add(row, "files", refused.cause, refused.remedy)
            else:
                self._seen.sizes[row.line] = self._seen.sizes.get(row.line, 0) + file_status.st_size
                self._seen.claim(self._seen.files, real, (row.line, row.fileset, "files"))
        if names and not is_folder and own not in names:
            self._add(
                row,
                "files",
                f"the file of the row's path, {row.path!r}, is not among the files",
                "Add it to files, or give the folder as path.",
            )
        if row.checksum and len(names) > 1:
            self._add(row, "checksum", *_ONE_FILE)

    def _expand(self, row: SourceRow, folder: str, entry: str) -> list[str]:
        problem = entry_problem(entry)
        if problem:
            self._add(row, "files", problem.cause, problem.remedy)
            return []
        try:
            names = matches(folder, entry, self._listings)
        except OSError as error:
            refused = _unreachable(str(error.filename), "", error)
            self._add(row, "files", refused.cause, refused.remedy)
            return []
        if not names:
            self._add(
                row,
                "files",
                f"{entry!r} matches no file in {folder!r}",
                "Correct the name or glob, or bring the missing file.",
            )
        return names

    def _check_checksums(self, row: SourceRow) -> None:
        absolute = self.absolute(row.checksums)
        if absolute not in self._checksum_files:
            try:
                status = Path(absolute).stat()
                _check_file(absolute, row.checksums, status)
                refused = None
                if status.st_size > checksum_file.LARGEST:
                    refused = _Refused(
                        f"{absolute!r} has {status.st_size:,} bytes, as no checksum file has",
                        "Name the file that md5sum or its like wrote.",
                    )
            except _Refused as error:
                refused = error
            except OSError as error:
                refused = _unreachable(absolute, absolute, error)
            self._checksum_files[absolute] = refused
        refused = self._checksum_files[absolute]
        if refused:
            self._add(row, "checksums", refused.cause, refused.remedy)


_NO_DISK = ("/proc/", "/sys/")  # their files may have no end, or never answer
_ONE_ROW = "A file belongs to one fileset: remove it from one of the rows."
_ONE_FILE = (
    "the fileset has several files, and a checksum is of one",
    "Name a checksums file instead.",
)


def _row(claim: _Claim) -> str:
    line, fileset, _ = claim
    return f"row {line} (fileset {fileset})" if fileset else f"row {line}"


def _unreachable(absolute: str, real: str, error: OSError) -> _Refused:
    if isinstance(error, PermissionError):
        return _Refused(
            f"{absolute!r} cannot be looked at: permission denied",
            "Get permission to enter its folders.",
        )
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return _Refused(f"{absolute!r} cannot be looked at: {error.strerror}", "Correct the path.")
    if Path(absolute).is_symlink():
        return _Refused(
            f"{absolute!r} is a symbolic link to {real!r}, which does not exist",
            "Fix the link, or remove the row.",
        )
    if "\\" in absolute:
        return _Refused(f"{absolute!r} does not exist", "Write / instead of \\ between folders.")
    return _Refused(f"{absolute!r} does not exist", "Correct the path, or remove the row.")


def _check_readable(absolute: str, status: os.stat_result) -> None:
    """Refuses what is neither file nor folder, and what may not be read."""
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        raise _neither(absolute, status)
    if not os.access(absolute, os.R_OK | os.X_OK if is_folder else os.R_OK):
        kind = "folder" if is_folder else "file"
        raise _Refused(f"you may not read the {kind} {absolute!r}", "Get read permission for it.")


def _check_file(absolute: str, name: str, status: os.stat_result) -> None:
    if not is_text(absolute):
        raise _Refused(
            f"the name of {absolute!r} is not valid UTF-8, as OMERO's are", "Rename the file."
        )
    if stat.S_ISDIR(status.st_mode):
        raise _Refused(
            f"{absolute!r} is a folder, where a file is meant",
            f"Name the files, like {name.rstrip('/')}/*.",
        )
    _check_readable(absolute, status)


def _neither(absolute: str, status: os.stat_result) -> _Refused:
    kind = _special(status.st_mode)
    return _Refused(
        f"{absolute!r} is neither a file nor a folder but a {kind}", "Name a file or folder."
    )


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "named pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def _holds_a_file(folder: str) -> bool:
    return any(files for _, _, files in os.walk(folder))


def _parent(path: str) -> str:
    # A hundred thousand of these: pathlib would take seconds.
    return path.rpartition("/")[0] or "/"


def _upwards(path: str) -> Iterator[str]:
    while True:
        yield path
        if path == "/":
            return
        path = _parent(path)


def _overlap(real: str, inner: _Claim, tree: _Claim) -> RowProblem:
    """The later of the two rows is the one that is wrong."""
    if inner[0] > tree[0]:
        cause = f"{real!r} lies in the folder that {_row(tree)} claims"
        return RowProblem(inner[0], "path", inner[1], cause, _ONE_ROW)
    cause = f"the folder holds {real!r}, which {_row(inner)} claims"
    return RowProblem(tree[0], "path", tree[1], cause, _ONE_ROW)
