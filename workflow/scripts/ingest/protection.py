"""transfer.protect: takes the right to write from the files that OMERO is to rely on.

That are the files as the import gets them: those in the store, or the sources where they stay (what
a link in the store leads to is a source, too). A hard link shares its mode with its source. The
journal says first which mode a file had. Folders in the store keep only their owner's right to
write; other folders, where new files may come, stay as they are.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from ingest.config import Config
from ingest.context import Context
from ingest.copying import write_error
from ingest.fileset import Fileset, SourceFile, StageError
from ingest.import_transfers import removes_sources

WRITE = 0o222
_OTHERS_WRITE = 0o022
_INSTEAD = "or set transfer.protect: false, and run the same command again."


def access(paths: Mapping[str, str]) -> dict[str, list[int]]:
    """Owner and mode of files by name, and the owner of the link where a path is one: what an audit
    compares them with."""
    found = {}
    for name, path in paths.items():
        with contextlib.suppress(OSError):  # one that went is told of by those who need it
            its, itself = Path(path).stat(), Path(path).lstat()
            of_link = [itself.st_uid] if stat.S_ISLNK(itself.st_mode) else []
            found[name] = [its.st_uid, stat.S_IMODE(its.st_mode), *of_link]
    return found


def wanted(fileset: Fileset, config: Config) -> bool:
    """Whether a row's files are to be protected: those that its import removes are not."""
    return config.transfer.protect and not removes_sources(fileset.import_transfer)


def check_protectable(files: Iterable[SourceFile], gone: Container[str]) -> None:
    """Raises StageError for a source whose mode this account may not change, or that is a link."""
    for file in files:
        if file.path in gone:
            continue
        found = Path(file.path).lstat()
        if stat.S_ISLNK(found.st_mode):
            raise StageError(
                f"{file.path} is a symbolic link: what it leads to is not protected through it",
                f"Name the file itself in the row, {_INSTEAD}",
            )
        if found.st_mode & WRITE and os.geteuid() not in (0, found.st_uid):
            raise _not_ours(file.path, found)


def protect(
    fileset: Fileset, upstream: Iterable[SourceFile], files: Iterable[SourceFile], context: Context
) -> None:
    """Makes `files`, landed from those of `upstream`, read-only; those that are stay as they are.

    Raises StageError when one cannot be, or is not what was landed.
    """
    sources = {file.name: file.path for file in upstream}
    writable: dict[str, SourceFile] = {}
    for file in files:
        # A link that the transfer made: its source is what is named, and no link (checked before).
        path = sources[file.name] if Path(file.path).is_symlink() else file.path
        if os.path.lexists(path) and Path(path).lstat().st_mode & WRITE:
            writable[path] = file
    if writable:
        modes = {path: stat.S_IMODE(Path(path).lstat().st_mode) for path in writable}
        context.journal.append(fileset.id, "transfer", "intent", protects=modes)
        for path, file in writable.items():
            _make_read_only(path, file)
    for folder in sorted(_folders(fileset, files, context.config)):
        try:
            mode = folder.stat().st_mode
            if mode & _OTHERS_WRITE:
                folder.chmod(stat.S_IMODE(mode) & ~_OTHERS_WRITE)
        except OSError as error:
            raise write_error(folder, error) from None


def _make_read_only(path: str, file: SourceFile) -> None:
    try:
        # The file itself, whatever its name leads to by now.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if (found.st_ino, found.st_size) != (file.inode, file.size):
                raise StageError(
                    f"{path} is not the file any more that was transferred: it was left as it is",
                    "Find out what replaced it, and run the same command again.",
                )
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~WRITE)
        finally:
            os.close(descriptor)
    except PermissionError:
        raise _not_ours(path, Path(path).lstat()) from None
    except OSError as error:
        raise write_error(Path(path), error) from None


def _not_ours(path: str, found: os.stat_result) -> StageError:
    return StageError(
        f"{path} cannot be made read-only: it belongs to another user ({found.st_uid})",
        f"Have its owner take write permission away (chmod a-w), {_INSTEAD}",
    )


def _folders(fileset: Fileset, files: Iterable[SourceFile], config: Config) -> set[Path]:
    """The folders of the store that hold the files, from the fileset's own on."""
    stores = [config.transfer.store, config.convert.store]
    homes = [store.absolute() / fileset.id for store in stores if store]
    return {
        folder
        for file in files
        for folder in Path(file.path).parents
        if any(folder.is_relative_to(home) for home in homes)
    }
