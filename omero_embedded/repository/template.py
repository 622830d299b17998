"""Where in the repository a fileset goes: OMERO's default path template."""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FilesetFolder:
    """A new folder below the repository's root, "/"-separated without slashes at its ends.

    `shared` is the part that belongs to the repository, `own` the rest, the importing user's.
    """

    shared: str
    own: str

    @property
    def path(self) -> str:
        return f"{self.shared}/{self.own}"


_MAKING = threading.Lock()


def new_folder(root: Path, user: str, user_id: int, now: datetime.datetime) -> FilesetFolder:
    """Make and name a folder by %user%_%userId%//%year%-%month%/%day%/%time%.

    A millisecond is added as long as the folder, or its log, is there already.
    """
    shared = f"{safe_component(user)}_{user_id}"
    with _MAKING:
        while True:
            milliseconds = now.microsecond // 1000
            own = f"{now:%Y-%m/%d/%H-%M-%S}.{milliseconds:03d}"
            folder = root / shared / own
            if not folder.exists() and not folder.with_name(folder.name + ".log").exists():
                folder.mkdir(parents=True)
                return FilesetFolder(shared, own)
            now += datetime.timedelta(milliseconds=1)


_CONTROL_CHARACTERS = (*range(0x20), *range(0x7F, 0xA0))
_REPLACED = dict.fromkeys(_CONTROL_CHARACTERS, "_") | str.maketrans('"*/:<>?\\|', "'x!;[]%!!")
_RESERVED = {"AUX", "CLOCK$", "CON", "NUL", "PRN"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)
}


def safe_component(name: str) -> str:
    """One component of a path with what no file system must hold replaced, as OMERO does it."""
    cleaned = name.translate(_REPLACED)
    if cleaned.upper() in _RESERVED:
        return cleaned + "_"
    stem = cleaned.partition(".")[0]
    if cleaned.startswith("$") or ("." in cleaned and stem.upper() in _RESERVED):
        return "_" + cleaned
    return cleaned
