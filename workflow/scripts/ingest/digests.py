"""File digests: OMERO's seven checksum algorithms, BLAKE3 and SHA-2, all from one read.

OMERO names its algorithms `<family>-<bits>` and writes a digest as lower-case hexadecimal digits of
the little-endian bytes (ome.util.checksum, on Guava's hash functions).
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import mmh3
from blake3 import blake3

from ingest.source_errors import SourceChanged

OMERO_ALGORITHMS = (
    "SHA1-160",
    "MD5-128",
    "Murmur3-128",
    "Murmur3-32",
    "CRC-32",
    "Adler-32",
    "File-Size-64",
)
ALGORITHMS = (*OMERO_ALGORITHMS, "BLAKE3", "SHA2-256", "SHA2-512")

BLOCK = 1 << 20  # bytes per read: few calls, and still in the processor's cache for every hash


@dataclass(frozen=True)
class FileDigests:
    """What one read of a file found; `digests` maps an algorithm's name to hexadecimal digits."""

    size: int
    mtime_ns: int
    inode: int
    digests: Mapping[str, str]


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def hexdigest(self, size: int) -> str: ...


class _Hashlib:
    """A hash object of hashlib or blake3."""

    def __init__(self, hasher: hashlib._Hash | blake3) -> None:
        self._hasher = hasher
        self.update = hasher.update

    def hexdigest(self, _size: int) -> str:
        return self._hasher.hexdigest()


class _Zlib:
    """A running checksum of zlib; `start` is that of no data."""

    def __init__(self, function: Callable[[memoryview, int], int], start: int) -> None:
        self._function = function
        self._value = start

    def update(self, data: memoryview, /) -> None:
        self._value = self._function(data, self._value)

    def hexdigest(self, _size: int) -> str:
        return struct.pack("<I", self._value).hex()


class _Murmur32:
    def __init__(self) -> None:
        self._hasher = mmh3.mmh3_32(seed=0)
        self.update = self._hasher.update

    def hexdigest(self, _size: int) -> str:
        return str(self._hasher.digest().hex())


class _Murmur128:
    def __init__(self) -> None:
        self._hasher = mmh3.mmh3_x64_128(seed=0)
        self.update = self._hasher.update

    def hexdigest(self, size: int) -> str:
        return guava_murmur128(self._hasher.digest(), size).hex()


class _FileSize:
    def update(self, _data: memoryview, /) -> None:
        return

    def hexdigest(self, size: int) -> str:
        return struct.pack("<q", size).hex()


_HASHES: Mapping[str, Callable[[], _Hash]] = {
    "SHA1-160": lambda: _Hashlib(hashlib.sha1(usedforsecurity=False)),
    "MD5-128": lambda: _Hashlib(hashlib.md5(usedforsecurity=False)),
    "Murmur3-128": _Murmur128,
    "Murmur3-32": _Murmur32,
    "CRC-32": lambda: _Zlib(zlib.crc32, 0),
    "Adler-32": lambda: _Zlib(zlib.adler32, 1),
    "File-Size-64": _FileSize,
    "BLAKE3": lambda: _Hashlib(blake3()),
    "SHA2-256": lambda: _Hashlib(hashlib.sha256()),
    "SHA2-512": lambda: _Hashlib(hashlib.sha512()),
}


class Digester:
    """Several digests of one stream of bytes. `algorithms` are names from ALGORITHMS."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashes = {name: _HASHES[name]() for name in algorithms}
        self.size = 0

    def update(self, data: memoryview) -> None:
        self.size += len(data)
        for running in self._hashes.values():
            running.update(data)

    def digests(self) -> dict[str, str]:
        return {name: running.hexdigest(self.size) for name, running in self._hashes.items()}


def digest_bytes(data: bytes, algorithms: Iterable[str]) -> dict[str, str]:
    digester = Digester(algorithms)
    digester.update(memoryview(data))
    return digester.digests()


def digest_file(
    path: str | Path, algorithms: Iterable[str], advance: Callable[[int], None] = lambda _size: None
) -> FileDigests:
    """Digests of a regular file by all `algorithms`, from one read.

    `advance` is told the number of bytes after each read. Raises SourceChanged when size, mtime or
    inode changed between start and end, OSError when the file cannot be read.
    """
    digester = Digester(algorithms)
    descriptor = open_source(path)
    try:
        before = os.fstat(descriptor)
        for block in blocks(descriptor):
            digester.update(block)
            advance(len(block))
    finally:
        os.close(descriptor)
    check_unchanged(path, before, digester.size)
    return FileDigests(before.st_size, before.st_mtime_ns, before.st_ino, digester.digests())


def open_source(path: str | Path) -> int:
    """A descriptor to read a source file once from start to end, leaving no trace on it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOATIME", 0))
    except PermissionError as error:
        # The access time is the owner's alone to keep; without permission to read this fails too.
        if error.errno != errno.EPERM:
            raise
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    return descriptor


def blocks(descriptor: int) -> Iterable[memoryview]:
    """The bytes of an open file from its position on; each block is valid until the next."""
    # No larger than the file and one byte, to see it grow: a whole block costs as much as the
    # hashes of a small file.
    buffer = memoryview(bytearray(min(BLOCK, os.fstat(descriptor).st_size + 1)))
    while count := os.readv(descriptor, [buffer]):
        yield buffer[:count]


def check_unchanged(path: str | Path, before: os.stat_result, read: int) -> None:
    """Raises SourceChanged unless `path` is still the file `before` described, read in full."""
    try:
        after = Path(path).stat()
    except FileNotFoundError:
        raise SourceChanged(str(path), "it was removed while it was read") from None
    changes = {
        "it was replaced by another file while it was read": after.st_ino != before.st_ino,
        "its size changed while it was read": after.st_size != before.st_size
        or read != before.st_size,
        "its modification time changed while it was read": after.st_mtime_ns != before.st_mtime_ns,
    }
    for change, happened in changes.items():
        if happened:
            raise SourceChanged(str(path), change)


def guava_murmur128(digest: bytes, size: int) -> bytes:
    """The Murmur3-128 digest that Guava, and so OMERO, has for `size` bytes of this true `digest`.

    Guava counts the bytes in a 32-bit int, and sign-extends that into the last step; from 2 GiB on
    its digest is another one. The last step can be undone, so the difference costs nothing.
    """
    counted = struct.unpack("<i", struct.pack("<I", size & 0xFFFFFFFF))[0] & _MASK
    if counted == size:
        return digest
    h1, h2 = struct.unpack("<QQ", digest)
    h2 = (h2 - h1) & _MASK
    h1 = (h1 - h2) & _MASK
    h1, h2 = _unmix(h1), _unmix(h2)
    h2 = (h2 - h1) & _MASK
    h1 = (h1 - h2) & _MASK
    h1 ^= size ^ counted
    h2 ^= size ^ counted
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    h1, h2 = _mix(h1), _mix(h2)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return struct.pack("<QQ", h1, h2)


# MurmurHash3's 64-bit finaliser and its inverse (odd numbers have inverses modulo 2^64).
_MASK = (1 << 64) - 1
_FACTORS = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_INVERSES = tuple(pow(factor, -1, 1 << 64) for factor in _FACTORS)


def _mix(h: int) -> int:
    for factor in _FACTORS:
        h ^= h >> 33
        h = (h * factor) & _MASK
    return h ^ (h >> 33)


def _unmix(h: int) -> int:
    for inverse in reversed(_INVERSES):
        h ^= h >> 33
        h = (h * inverse) & _MASK
    return h ^ (h >> 33)
