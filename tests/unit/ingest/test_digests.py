"""The digests are OMERO's, whatever way the bytes come in, and a changing file is noticed."""

import hashlib
import os
from pathlib import Path

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.digests import (
    ALGORITHMS,
    OMERO_ALGORITHMS,
    Digester,
    digest_bytes,
    digest_file,
    guava_murmur128,
)
from ingest.source_errors import SourceChanged


def fakes(count: int) -> bytes:
    return "".join(f"fake{number}" for number in range(count)).encode()


# Digests by OMERO's Java code (ome.util.checksum and its tests), in the order of CONTENTS.
CONTENTS = (b"abc", b"", fakes(10), fakes(100), fakes(1000))
VECTORS = {
    "Adler-32": "27014d02 01000000 f4110fcc 21c664bf ed88e87d",
    "CRC-32": "c2412435 00000000 ef618578 b063fbf0 1d3e3cb6",
    "MD5-128": (
        "900150983cd24fb0d6963f7d28e17f72 d41d8cd98f00b204e9800998ecf8427e "
        "afedcd324960f93c20b726c81b8d216a 5e44e9bc9e91274731b8541e3e1fd687 "
        "e96cd8050b7e09202c395530435f208d"
    ),
    "Murmur3-32": "fa93ddb3 00000000 f87d658b 1c9036cf f9c16f3b",
    "Murmur3-128": (
        "6778ad3f3f3f96b4522dca264174a23b 00000000000000000000000000000000 "
        "2a9db2bec362cb22bf016c06722b24d7 2858bd6075ed06228c0ba4ba75ae8ef9 "
        "7535f4b378b3aec8dc3f4cffdc44ba6e"
    ),
    "SHA1-160": (
        "a9993e364706816aba3e25717850c26c9cd0d89d da39a3ee5e6b4b0d3255bfef95601890afd80709 "
        "af35647108cada855e1ca08472c2a831cce91a29 a61d742dba0a4cd423de603e6c3890e0f856bb9c "
        "b3987d3ffac6ad41fee258e8cc99fc89e29ae98f"
    ),
    "File-Size-64": (
        "0300000000000000 0000000000000000 3200000000000000 4e02000000000000 ea1a000000000000"
    ),
}


@pytest.mark.parametrize("algorithm", OMERO_ALGORITHMS)
def test_digests_are_those_of_omero(algorithm: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, expected in zip(CONTENTS, VECTORS[algorithm].split(), strict=True):
        path.write_bytes(content)
        assert digest_file(path, [algorithm]).digests == {algorithm: expected}


def test_archive_digests() -> None:
    digests = digest_bytes(b"abc", ["BLAKE3", "SHA2-256", "SHA2-512"])
    assert digests["BLAKE3"] == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert digests["SHA2-256"] == hashlib.sha256(b"abc").hexdigest()
    assert digests["SHA2-512"] == hashlib.sha512(b"abc").hexdigest()


# Of a repeated 1 MiB block, by mmh3 and by Guava 31.1.
@pytest.mark.parametrize(
    ("size", "true", "guava"),
    [
        (2147483648, "b59f14eca9b6dd4acc63d806d60a1d1c", "b68190ff22e47f47ef7deec4a579f17b"),
        (5000000000, "d41e75962ef92322bb6d6af37737dcab", "793e3deb3fe0ab0805adfa9c9a05ec78"),
    ],
)
def test_murmur_counts_its_bytes_like_guava(size: int, true: str, guava: str) -> None:
    assert guava_murmur128(bytes.fromhex(true), size).hex() == guava


def test_a_digester_corrects_by_the_number_of_bytes_it_saw() -> None:
    digester = Digester(["Murmur3-128"])
    digester.update(memoryview(b"abc"))
    digester.size = 2147483648
    true = mmh3.mmh3_x64_128_digest(b"abc", 0)
    assert digester.digests()["Murmur3-128"] == guava_murmur128(true, 2147483648).hex()
    assert digester.digests()["Murmur3-128"] != true.hex()


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**31 - 1))
def test_below_2_gib_murmur_is_as_it_is(digest: bytes, size: int) -> None:
    assert guava_murmur128(digest, size) == digest


@given(st.lists(st.binary(max_size=70)))
def test_chunks_do_not_matter(chunks: list[bytes]) -> None:
    digester = Digester(ALGORITHMS)
    for chunk in chunks:
        digester.update(memoryview(chunk))
    assert digester.digests() == digest_bytes(b"".join(chunks), ALGORITHMS)


def test_a_file_of_many_blocks_is_read_once_and_in_full(tmp_path: Path) -> None:
    content = os.urandom(3 * (1 << 20) + 17)
    path = tmp_path / "file"
    path.write_bytes(content)
    seen: list[int] = []
    found = digest_file(path, ALGORITHMS, seen.append)
    stat = path.stat()
    assert found.digests == digest_bytes(content, ALGORITHMS)
    assert (found.size, found.mtime_ns, found.inode) == (
        len(content),
        stat.st_mtime_ns,
        stat.st_ino,
    )
    assert sum(seen) == len(content)


def test_the_access_time_of_an_own_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    os.utime(path, ns=(1, 2))
    digest_file(path, ["MD5-128"])
    assert (path.stat().st_atime_ns, path.stat().st_mtime_ns) == (1, 2)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    def grow_once(_size: int) -> None:
        path.write_bytes(b"abcdef")
        os.utime(path, ns=(2, 2))

    os.utime(path, ns=(2, 2))
    with pytest.raises(SourceChanged, match="its size changed") as caught:
        digest_file(path, ["MD5-128"], grow_once)
    assert str(path) in caught.value.cause


def test_a_file_that_is_rewritten_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with pytest.raises(SourceChanged, match="its modification time changed"):
        digest_file(path, ["MD5-128"], lambda _size: os.utime(path, ns=(1, 1)))


def test_a_file_that_is_replaced_or_removed_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"abc")
    other.write_bytes(b"abc")
    os.utime(path, ns=(1, 1))
    os.utime(other, ns=(1, 1))
    with pytest.raises(SourceChanged, match="it was replaced by another file"):
        digest_file(path, ["MD5-128"], lambda _size: other.replace(path) and None)
    with pytest.raises(SourceChanged, match="it was removed while"):
        digest_file(path, ["MD5-128"], lambda _size: path.unlink())
