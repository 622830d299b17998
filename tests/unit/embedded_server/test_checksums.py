"""OMERO's digests, against vectors of the Java implementation."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_embedded.repository.checksums import ALGORITHMS, _with_wrapped_length, checksum

ABC = {
    "Adler-32": "27014d02",
    "CRC-32": "c2412435",
    "MD5-128": "900150983cd24fb0d6963f7d28e17f72",
    "Murmur3-32": "fa93ddb3",
    "Murmur3-128": "6778ad3f3f3f96b4522dca264174a23b",
    "SHA1-160": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "File-Size-64": "0300000000000000",
}
EMPTY = {
    "Adler-32": "01000000",
    "CRC-32": "00000000",
    "MD5-128": "d41d8cd98f00b204e9800998ecf8427e",
    "Murmur3-32": "00000000",
    "Murmur3-128": "0" * 32,
    "SHA1-160": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "File-Size-64": "0000000000000000",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_vectors(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert checksum(path, algorithm) == ABC[algorithm]
    path.write_bytes(b"")
    assert checksum(path, algorithm) == EMPTY[algorithm]


def test_an_unknown_algorithm_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyError):
        checksum(tmp_path / "file", "SHA-3")


@pytest.mark.parametrize(
    ("length", "plain", "guava"),
    [
        (2147483648, "b59f14eca9b6dd4acc63d806d60a1d1c", "b68190ff22e47f47ef7deec4a579f17b"),
        (5000000000, "d41e75962ef92322bb6d6af37737dcab", "793e3deb3fe0ab0805adfa9c9a05ec78"),
    ],
)
def test_large_files_have_guavas_murmur(length: int, plain: str, guava: str) -> None:
    halves = [int.from_bytes(bytes.fromhex(plain)[i : i + 8], "little") for i in (0, 8)]
    first, second = _with_wrapped_length(halves[0], halves[1], length)
    assert (first.to_bytes(8, "little") + second.to_bytes(8, "little")).hex() == guava
