"""Where a conversion ends up: `<store>/<fileset>/converted/`, with its record beside it.

The folder `<store>/<fileset>` is made aside and gets its name when all of it is there: it is a
finished conversion or it is not there at all. `conversion.json` in it says of what and by what it
was made; `original/` holds the raw files where they are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.atomic import fsync_folder, write_text
from ingest.config import Config
from ingest.copying import VERIFICATION, copy_verified, make_folder, write_error
from ingest.digests import digest_file
from ingest.fileset import SourceFile, StageError
from ingest.source_errors import unreadable

CONVERTED, ORIGINAL, RECORD = "converted", "original", "conversion.json"
SCRATCH = ".converting"  # in the store: nothing below it is ever a result


def store(config: Config) -> Path:
    """Where converted files lie for good."""
    found = config.convert.store or config.transfer.store
    if found is None:
        raise StageError(
            "the row asks for a converter, but there is no store for what it makes",
            "Set convert.store (or transfer.store) in the configuration.",
        )
    return found.absolute()


def home(config: Config, results: Path, fileset: str) -> Path:
    """Where a conversion is put when it is finished: in the store, or where it is imported from."""
    if config.convert.stage_then_redirect:
        return scratch(config) / f"staged-{_run(results)}" / fileset
    return store(config) / fileset


def scratch(config: Config) -> Path:
    """Where converters write."""
    return (config.convert.scratch or store(config) / SCRATCH).absolute()


def beside(config: Config) -> Path:
    """Where what is complete waits for its name: it takes no more than a rename from there."""
    return scratch(config) if config.convert.stage_then_redirect else store(config) / SCRATCH


def attempt(above: Path, results: Path, fileset: str) -> Path:
    """A new empty folder for one attempt.

    Other runs may use the same scratch: a folder for each results folder keeps them apart.
    """
    made = above / _run(results) / fileset / uuid.uuid4().hex
    make_folder(made)
    return made


def left_behind(above: Path, results: Path, fileset: str) -> list[Path]:
    """The folders of this fileset's attempts that were killed, when no other is at work."""
    with contextlib.suppress(FileNotFoundError):
        return list((above / _run(results) / fileset).iterdir())
    return []


def _run(results: Path) -> str:
    return hashlib.sha256(os.fsencode(results.absolute())).hexdigest()[:16]


def clear(attempt: Path) -> None:
    """Removes an attempt's folder, and those above it that were made for it."""
    remove(attempt)
    for above in attempt.parents[:2]:
        with contextlib.suppress(OSError):  # others may be at work there
            above.rmdir()


def remove(folder: Path) -> None:
    """Removes a scratch folder, also what a converter wrote without permission to remove it."""

    try:
        if folder.is_dir() and not folder.is_symlink():
            for above, folders, _files in os.walk(folder):
                for name in folders:
                    if not Path(above, name).is_symlink():
                        Path(above, name).chmod(0o700)
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(folder, error) from None


def digested(path: Path) -> SourceFile:
    """A file as it is now, with its VERIFICATION digest. Raises StageError when unreadable."""
    try:
        found = digest_file(path, [VERIFICATION])
    except OSError as error:
        raise unreadable(str(path), error) from None
    return SourceFile(
        str(path), str(path), path.name, found.size, found.mtime_ns, found.inode, found.digests
    )


def keep(path: Path, destination: Path) -> SourceFile:
    """Brings one output from scratch to `destination`, on disk and read-only, with its digest.

    Whoever may enter the folder may read it, OMERO's server too, whatever mode the converter gave.
    """
    real = Path(os.path.realpath(path))
    file = digested(real)
    make_folder(destination.parent)
    # One with another name somewhere else could be written to under that, one of another user by
    # that user.
    found = real.stat()
    is_ours = found.st_nlink == 1 and found.st_uid == os.geteuid()
    if is_ours:
        try:
            os.link(real, destination)
            destination.chmod(destination.parent.stat().st_mode & 0o444)
            with destination.open("rb") as written:
                os.fsync(written.fileno())
        except OSError:  # also where the store is another file system
            destination.unlink(missing_ok=True)
            is_ours = False
    if not is_ours:
        copy_verified(file, destination)
    fsync_folder(destination.parent)
    return replace(file, path=str(destination))


def publish(ready: Path, place: Path, facts: Mapping[str, Any]) -> None:
    """Gives a folder that is complete its name, with `facts` in it."""
    make_folder(place.parent)
    try:
        write_text(ready / RECORD, json.dumps(facts, indent=1) + "\n")
        for folder in (ready, *(path for path in ready.rglob("*") if path.is_dir())):
            fsync_folder(folder)
        ready.rename(place)
        fsync_folder(place.parent)
    except OSError as error:
        raise write_error(place, error) from None


def published(place: Path) -> dict[str, Any] | None:
    """The facts of the conversion at `place`; None when nothing of ours is there."""
    try:
        found = json.loads((place / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_intact(place: Path, outputs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every output is there with its bytes."""
    for output in outputs:
        path = place / CONVERTED / output["name"]
        try:
            if path.stat().st_size != output["size"]:
                return False
            if digest_file(path, [VERIFICATION]).digests[VERIFICATION] != output["digest"]:
                return False
        except OSError:
            return False
    return True
