"""File digests: OMERO's seven checksum algorithms, BLAKE3 and SHA-2, all from one read.

OMERO names its algorithms `<family>-<bits>` and writes a digest as lower-case hexadecimal digits of
the little-endian bytes (ome.util.checksum, on Guava's hash functions).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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

Buffer = bytes | memoryview

BLOCK = 1 << 20  # bytes per read: few calls, and still in the processor's cache for every hash


@dataclass(frozen=True)
class FileDigests:
    """What one read of a file found; `digests` maps an algorithm's name to hexadecimal digits."""

    size: int
    mtime_ns: int
    inode: int
    digests: Mapping[str, str]


class _Zlib:
    """A running checksum of zlib; `value` is at first that of no data."""

    def __init__(self, function: Callable[[Buffer, int], int], value: int) -> None:
        self._function = function
        self.value = value

    def update(self, data: Buffer, /) -> None:
        self.value = self._function(data, self.value)


class _FileSize:
    def update(self, _data: Buffer, /) -> None:
        return


def _hexdigest(hasher: Any, _size: int) -> str:
    return str(hasher.hexdigest())


def _zlib_digits(hasher: _Zlib, _size: int) -> str:
    return struct.pack("<I", hasher.value).hex()


# For each algorithm: a new running hash, and its digits at the end, after so many bytes.
_HASHES: Mapping[str, tuple[Callable[[], Any], Callable[[Any, int], str]]] = {
    "SHA1-160": (partial(hashlib.sha1, usedforsecurity=False), _hexdigest),
    "MD5-128": (partial(hashlib.md5, usedforsecurity=False), _hexdigest),
    "Murmur3-128": (
        mmh3.mmh3_x64_128,
        lambda hasher, size: guava_murmur128(hasher.digest(), size).hex(),
    ),
    "Murmur3-32": (mmh3.mmh3_32, lambda hasher, _size: hasher.digest().hex()),
    "CRC-32": (partial(_Zlib, zlib.crc32, 0), _zlib_digits),
    "Adler-32": (partial(_Zlib, zlib.adler32, 1), _zlib_digits),
    "File-Size-64": (_FileSize, lambda _hasher, size: struct.pack("<q", size).hex()),
    "BLAKE3": (blake3, _hexdigest),
    "SHA2-256": (hashlib.sha256, _hexdigest),
    "SHA2-512": (hashlib.sha512, _hexdigest),
}


class Digester:
    """Several digests of one stream of bytes. `algorithms` are names from ALGORITHMS."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashes = [(name, _HASHES[name][0](), _HASHES[name][1]) for name in algorithms]
        self.size = 0

    def update(self, data: Buffer) -> None:
        self.size += len(data)
        for _name, running, _digits in self._hashes:
            running.update(data)

    def digests(self) -> dict[str, str]:
        return {name: digits(running, self.size) for name, running, digits in self._hashes}


def digest_bytes(data: bytes, algorithms: Iterable[str]) -> dict[str, str]:
    digester = Digester(algorithms)
    digester.update(data)
    return digester.digests()


def digest_file(
    path: str | Path, algorithms: Iterable[str], advance: Callable[[int], None] = lambda _size: None
) -> FileDigests:
    """Digests of a regular file by all `algorithms`, from one read.

    `advance` is told the number of bytes after each read. Raises SourceChanged when size, mtime or
    inode changed between start and end, OSError when the file cannot be read.
    """
    digester = Digester(algorithms)
    descriptor, before = open_source(path)
    try:
        for block in blocks(descriptor, before.st_size):
            digester.update(block)
            advance(len(block))
    finally:
        os.close(descriptor)
    check_unchanged(path, before, digester.size)
    return FileDigests(before.st_size, before.st_mtime_ns, before.st_ino, digester.digests())


def open_source(path: str | Path) -> tuple[int, os.stat_result]:
    """A descriptor to read a source file once from start to end, leaving no trace on it, and what
    the file is like.

    Raises OSError, also for what is no regular file: a pipe would be waited for.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError as error:
        # The access time is the owner's alone to keep; without permission to read this fails too.
        if error.errno != errno.EPERM:
            raise
        descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return descriptor, status


def read_ahead(descriptor: int) -> None:
    """Tells the kernel that a file will be read from start to end."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)


def blocks(descriptor: int, size: int) -> Iterable[Buffer]:
    """The bytes of an open file of `size` bytes, from its position on; each valid until the next.

    They are all there is now, be it more or less than `size`, unless exactly `size` bytes were had
    from one read: then the file may have grown since.
    """
    if size < BLOCK:
        data = os.read(descriptor, size + 1)
        if data:
            yield data
        if len(data) in (0, size):
            return
    else:
        read_ahead(descriptor)
    buffer = memoryview(bytearray(BLOCK))
    while count := os.readv(descriptor, [buffer]):
        yield buffer[:count]


def check_unchanged(path: str | Path, before: os.stat_result, read: int) -> None:
    """Raises SourceChanged unless `path` is still the file `before` described, read in full."""
    try:
        after = os.stat(path)  # noqa: PTH116 - a Path takes as long as a small file's digests
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
