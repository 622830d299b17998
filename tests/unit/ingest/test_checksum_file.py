"""Checksum files are read as the tools that write them mean them."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.checksum_file import Listed, parse

MD5 = "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{MD5}  a.tif", Listed("a.tif", "MD5-128", MD5)),
        (f"{MD5} *a.tif", Listed("a.tif", "MD5-128", MD5)),
        (f"{MD5} a.tif", Listed("a.tif", "MD5-128", MD5)),
        (f"{MD5}\ta.tif", Listed("a.tif", "MD5-128", MD5)),
        (f"{MD5.upper()}  a.tif", Listed("a.tif", "MD5-128", MD5)),
        (f"{MD5}  sub dir/a  b.tif ", Listed("sub dir/a  b.tif ", "MD5-128", MD5)),
        (f"{MD5}   a.tif", Listed(" a.tif", "MD5-128", MD5)),
        (f"{MD5}  a\\b.tif", Listed("a\\b.tif", "MD5-128", MD5)),
        (f"\\{MD5}  a\\\\n\\nb.tif", Listed("a\\n\nb.tif", "MD5-128", MD5)),
        (f"MD5 (a (1).tif) = {MD5}", Listed("a (1).tif", "MD5-128", MD5)),
        (f"\\MD5 (a\\nb) = {MD5}", Listed("a\nb", "MD5-128", MD5)),
        (f"BLAKE3 (a.tif) = {'0' * 64}", Listed("a.tif", "BLAKE3", "0" * 64)),
        (f"SHA256 (a.tif) = {'0' * 64}", Listed("a.tif", "SHA2-256", "0" * 64)),
        (f"{'a' * 40}  a.tif", Listed("a.tif", "SHA1-160", "a" * 40)),
        (f"{'a' * 64}  a.tif", Listed("a.tif", "SHA2-256", "a" * 64)),
        (f"{'a' * 128}  a.tif", Listed("a.tif", "SHA2-512", "a" * 128)),
    ],
)
def test_forms_of_a_line(line: str, expected: Listed) -> None:
    assert parse(line.encode()) == [expected]


def test_byte_order_mark_carriage_returns_comments_and_blank_lines() -> None:
    content = f"\ufeff# by hand\r\n\r\n{MD5}  a.tif\r\n{MD5}  é.tif\r\n".encode()
    assert [entry.name for entry in parse(content)] == ["a.tif", "é.tif"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{MD5}  a.tif\nhello\n", "line 2 is neither"),
        (f"{MD5[1:]}  a.tif", "line 1 has 31 digits"),
        (f"WHIRL (a.tif) = {MD5}", "line 1: .*algorithm"),
        ("SHA256 (a.tif) = 00", "line 1: .*not a valid SHA2-256 digest"),
        (MD5, "line 1 is neither"),
    ],
)
def test_a_bad_line_is_named(content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(content.encode())


@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=20),
        max_size=4,
    )
)
def test_names_as_gnu_tools_escape_them(names: list[str]) -> None:
    content = b""
    for name in names:
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        content += f"{'' if escaped == name else chr(92)}{MD5}  {escaped}\n".encode()
    assert [entry.name for entry in parse(content)] == names


def test_what_the_tools_of_this_machine_write(tmp_path: Path) -> None:
    names = ["a.tif", "b c.tif", "back\\slash", "new\nline", os.fsdecode(b"latin-\xe9.tif")]
    for name in names:
        (tmp_path / name).write_bytes(os.fsencode(name))
    for options in (["md5sum"], ["md5sum", "-b"], ["md5sum", "--tag"]):
        content = subprocess.run(
            [*options, *names], cwd=tmp_path, stdout=subprocess.PIPE, check=True
        ).stdout
        assert parse(content) == [
            Listed(name, "MD5-128", hashlib.md5(os.fsencode(name)).hexdigest()) for name in names
        ]
