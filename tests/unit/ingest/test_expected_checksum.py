"""`algorithm:hex` in the ways acquisition systems write it."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from ingest.digests import ALGORITHMS, digest_bytes
from ingest.expected_checksum import parse_checksum
from ingest.fileset import BadText

CONTENT = b"the bytes that came off the microscope"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_known_by_its_own_name(algorithm: str) -> None:
    digest = digest_bytes(CONTENT, [algorithm])[algorithm]
    assert parse_checksum(f"{algorithm}:{digest}") == (algorithm, digest)
    assert parse_checksum(f" {algorithm.lower()} : {digest.upper()} ") == (algorithm, digest)


@pytest.mark.parametrize("spelling", ["md5", "SHA1", "sha-256", "sha512"])
def test_common_spellings_mean_the_same_digest(spelling: str) -> None:
    digest = hashlib.new(spelling.replace("-", ""), CONTENT).hexdigest()
    algorithm, digits = parse_checksum(f"{spelling}:{digest}")
    assert digest_bytes(CONTENT, [algorithm]) == {algorithm: digits}


@pytest.mark.parametrize(
    ("spelling", "function"), [("crc32", zlib.crc32), ("ADLER32", zlib.adler32)]
)
def test_numbers_are_turned_into_omeros_byte_order(spelling: str, function: object) -> None:
    assert callable(function)
    algorithm, digits = parse_checksum(f"{spelling}:{function(CONTENT):08x}")
    assert digest_bytes(CONTENT, [algorithm]) == {algorithm: digits}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", "is not algorithm:hex"),
        ("md5", "is not algorithm:hex"),
        ("md6:d41d8cd98f00b204e9800998ecf8427e", "is not algorithm:hex"),
        ("md5:d41d8", "'d41d8' is not a valid MD5-128 digest"),
        ("md5:d41d8cd98f00b204e9800998ecf8427g", "is not a valid MD5-128 digest"),
        ("sha256:d41d8cd98f00b204e9800998ecf8427e", "is not a valid SHA2-256 digest"),
        ("md5:", "'' is not a valid MD5-128 digest"),
    ],
)
def test_others_are_refused(text: str, cause: str) -> None:
    with pytest.raises(BadText, match=cause) as refused:
        parse_checksum(text)
    assert refused.value.problem.remedy
