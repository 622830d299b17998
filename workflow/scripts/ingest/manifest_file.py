"""The manifest's bytes, and the text they are: what is no text file is told by its first bytes."""

from __future__ import annotations

import stat
from pathlib import Path

from ingest.manifest_problems import ManifestError, RowProblem

LARGEST = 1_000_000_000  # bytes; a hundred thousand rows take a twentieth of it

_UTF16_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_SAVE = 'Save it as "CSV UTF-8".'
_KINDS = {
    b"PK\x03\x04": "an Excel or OpenDocument file (or another zip)",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"%PDF": "a PDF",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
}


def refused(path: Path, line: int, cause: str, remedy: str) -> ManifestError:
    return ManifestError(path, [RowProblem(line, "", "", cause, remedy)])


def content(path: Path) -> bytes:
    """Raises ManifestError for what cannot be read, and for what has no end."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise refused(path, 0, "it cannot be read: it is a folder", "Name the file in it.")
        if not stat.S_ISREG(found.st_mode):
            cause = "it is not a file but a pipe, a socket or a device"
            raise refused(path, 0, cause, "Write the manifest to a file; it is read several times.")
        if found.st_size > LARGEST:
            cause = f"it has {found.st_size:,} bytes, as no manifest has"
            raise refused(path, 0, cause, "Set the option manifest to your manifest.")
        return path.read_bytes()
    except FileNotFoundError:
        raise refused(
            path, 0, "there is no such file", "Set the option manifest to your manifest."
        ) from None
    except PermissionError:
        raise refused(
            path, 0, "it cannot be read (Permission denied)", "Get read permission for it."
        ) from None
    except OSError as error:
        raise refused(
            path, 0, f"it cannot be read ({error.strerror})", "Correct the option manifest."
        ) from None


def decoded(path: Path, content: bytes) -> str:
    """The text. Raises ManifestError when it is none in UTF-8."""
    for start, kind in _KINDS.items():
        if content.startswith(start):
            raise refused(path, 0, f"the manifest is {kind}, not a CSV", _SAVE)
    if content.startswith(_UTF16_32) or b"\0" in content[:4]:
        raise refused(path, 0, "the manifest is in UTF-16 (or UTF-32), not UTF-8", _SAVE)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start : error.start + 1]
        raise refused(
            path,
            line,
            f"the manifest is not UTF-8; its byte 0x{byte.hex()} would be "
            f"{byte.decode('cp1252', 'replace')!r} in Latin-1 or Windows-1252",
            _SAVE,
        ) from None
