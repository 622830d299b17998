"""The digest that an acquisition system gave for a file: `algorithm:hex` in the manifest."""

from __future__ import annotations

import re

from ingest.digests import ALGORITHMS, digest_bytes
from ingest.fileset import BadText

_SPELLINGS = {name.lower(): name for name in ALGORITHMS} | {
    "md5": "MD5-128",
    "sha1": "SHA1-160",
    "sha-1": "SHA1-160",
    "sha256": "SHA2-256",
    "sha-256": "SHA2-256",
    "sha512": "SHA2-512",
    "sha-512": "SHA2-512",
    "crc32": "CRC-32",
    "adler32": "Adler-32",
}
# OMERO writes these two byte by byte from the lowest; everyone else writes the number.
_WRITTEN_AS_NUMBER = ("crc32", "adler32")
_LENGTHS = {name: len(digest) for name, digest in digest_bytes(b"", ALGORITHMS).items()}


def parse_checksum(text: str) -> tuple[str, str]:
    """Algorithm (a name of `digests`) and digest (as `digests` writes it) of `algorithm:hex`.

    Raises BadText.
    """
    spelling, _, digits = (part.strip().lower() for part in text.partition(":"))
    algorithm = _SPELLINGS.get(spelling)
    if algorithm is None or ":" not in text:
        raise BadText(
            f"{text!r} is not algorithm:hex with an algorithm known here",
            f"The algorithms are {', '.join(ALGORITHMS)}; md5, sha1, sha256, sha512 and crc32 are "
            "understood too.",
        )
    length = _LENGTHS[algorithm]
    if not re.fullmatch(f"[0-9a-f]{{{length}}}", digits):
        raise BadText(
            f"{digits!r} is not a valid {algorithm} digest",
            f"That has {length} hexadecimal digits; copy it again from where it was computed.",
        )
    if spelling in _WRITTEN_AS_NUMBER:
        digits = bytes.fromhex(digits)[::-1].hex()
    return algorithm, digits
