"""Checksum files as md5sum, sha256sum and their BSD relatives write them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ingest.expected_checksum import parse_checksum
from ingest.fileset import BadText

LARGEST = 100_000_000  # bytes: a line for each of half a million files

_BY_LENGTH = {32: "MD5-128", 40: "SHA1-160", 64: "SHA2-256", 128: "SHA2-512"}
_GNU = re.compile(r"(?P<hex>[0-9A-Fa-f]+)(?: [ *]|[ \t])(?P<name>.+)", re.DOTALL)
_BSD = re.compile(r"(?P<tool>[\w-]+) ?\((?P<name>.+)\) ?= ?(?P<hex>[0-9A-Fa-f]+)", re.DOTALL)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line: the file's name as written, an algorithm of `digests`, lower-case digits."""

    name: str
    algorithm: str
    hexdigest: str


def parse(content: bytes) -> list[Listed]:
    """The entries of a checksum file, in its order; ValueError names the first bad line.

    A line is `hex  name`, `hex *name` (the algorithm told by the number of digits) or
    `ALGORITHM (name) = hex`. As GNU's tools do it, a line that begins with a backslash has `\\\\`,
    `\\n` and `\\r` escaped in its name. Blank lines and lines that begin with # are comments.
    """
    entries = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        # Names are bytes to the file system; fsdecode keeps those that are not valid UTF-8.
        text = os.fsdecode(line.removesuffix(b"\r"))
        if text.strip() and not text.startswith("#"):
            entries.append(_entry(text, number))
    return entries


def _entry(text: str, number: int) -> Listed:
    escaped = text.startswith("\\")
    found = _BSD.fullmatch(text, int(escaped)) or _GNU.fullmatch(text, int(escaped))
    if not found:
        raise ValueError(f"line {number} is neither `digits  name` nor `ALGORITHM (name) = digits`")
    name, digits = found["name"], found["hex"].lower()
    tool = found.groupdict().get("tool") or _BY_LENGTH.get(len(digits))
    if tool is None:
        raise ValueError(f"line {number} has {len(digits)} digits, as no known algorithm has")
    try:
        algorithm, digest = parse_checksum(f"{tool}:{digits}")
    except BadText as error:
        raise ValueError(f"line {number}: {error}") from None
    if escaped:
        name = re.sub(r"\\[\\nr]", lambda match: _ESCAPES[match[0]], name)
    return Listed(name, algorithm, digest)
