"""OMERO's seven checksum algorithms over a file on disk."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import mmh3

# In the order in which OMERO.server prefers them.
ALGORITHMS = (
    "SHA1-160",
    "MD5-128",
    "Murmur3-128",
    "Murmur3-32",
    "CRC-32",
    "Adler-32",
    "File-Size-64",
)
_BLOCK = 4 * 1024 * 1024
_MASK = (1 << 64) - 1


class _Hash(Protocol):
    def update(self, data: bytes) -> None: ...

    def hexdigest(self) -> str: ...


def checksum(path: Path, algorithm: str) -> str:
    """Lower-case hex of a file's digest. KeyError for an algorithm that OMERO does not have."""
    if algorithm == "File-Size-64":
        return struct.pack("<q", path.stat().st_size).hex()
    digest = _HASHES[algorithm]()
    with path.open("rb", buffering=0) as file:
        # No more memory than a small file needs: there are many of them.
        most = min(_BLOCK, os.fstat(file.fileno()).st_size + 1)
        while block := file.read(most):
            digest.update(block)
    return digest.hexdigest()


class _Running:
    """A 32-bit checksum of zlib's."""

    def __init__(self, function: Callable[[bytes, int], int], start: int) -> None:
        self._function = function
        self._value = start

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def hexdigest(self) -> str:
        return struct.pack("<I", self._value).hex()


class _Murmur32:
    def __init__(self) -> None:
        self._hash = mmh3.mmh3_32(seed=0)

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return struct.pack("<I", self._hash.uintdigest()).hex()


class _Murmur128:
    """Murmur3 x64 128 as Guava has it, which counts the length in 32 bits with a sign."""

    def __init__(self) -> None:
        self._hash = mmh3.mmh3_x64_128(seed=0)
        self._length = 0

    def update(self, data: bytes) -> None:
        self._hash.update(data)
        self._length += len(data)

    def hexdigest(self) -> str:
        first, second = self._hash.utupledigest()
        if self._length >= 1 << 31:
            first, second = _with_wrapped_length(first, second, self._length)
        return struct.pack("<QQ", first, second).hex()


def _with_wrapped_length(first: int, second: int, length: int) -> tuple[int, int]:
    """The digest that a length of 32 bits, sign-extended, would have given: the finalisation is
    undone to where the length comes in, and done again."""
    second = (second - first) & _MASK
    first = (first - second) & _MASK
    first, second = _unmix(first), _unmix(second)
    second = (second - first) & _MASK
    first = (first - second) & _MASK
    wrapped = ((length + (1 << 31)) % (1 << 32) - (1 << 31)) & _MASK
    first, second = first ^ length ^ wrapped, second ^ length ^ wrapped
    first = (first + second) & _MASK
    second = (second + first) & _MASK
    first, second = _mix(first), _mix(second)
    first = (first + second) & _MASK
    second = (second + first) & _MASK
    return first, second


_C1, _C2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53


def _mix(k: int) -> int:
    k ^= k >> 33
    k = k * _C1 & _MASK
    k ^= k >> 33
    k = k * _C2 & _MASK
    return k ^ k >> 33


def _unmix(k: int) -> int:
    k ^= k >> 33
    k = k * pow(_C2, -1, 1 << 64) & _MASK
    k ^= k >> 33
    k = k * pow(_C1, -1, 1 << 64) & _MASK
    return k ^ k >> 33


_HASHES: dict[str, Callable[[], _Hash]] = {
    "SHA1-160": hashlib.sha1,
    "MD5-128": hashlib.md5,
    "Murmur3-128": _Murmur128,
    "Murmur3-32": _Murmur32,
    "CRC-32": lambda: _Running(zlib.crc32, 0),
    "Adler-32": lambda: _Running(zlib.adler32, 1),
}
