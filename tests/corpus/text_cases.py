"""Configuration files, as bytes, that are refused, with what must be said of each."""

from __future__ import annotations

_WIDE = "abcdefghi"
LISTS = "a: &a [l, l, l, l, l, l, l, l, l]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
BLOCKS = f"a: &a {{{', '.join(f'{key}: l' for key in _WIDE)}}}\n" + "".join(
    f"{new}: &{new} {{{', '.join(f'{key}: *{old}' for key in _WIDE)}}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {k0: 1}\n" + "".join(
    f"x{n}: &x{n}\n  <<: [*{f'x{n - 1}' if n else 'a'}, *{f'x{n - 1}' if n else 'a'}]\n"
    for n in range(30)
)

CASES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "a tab": (b"omero:\n\tembedded: true\n", ("line 2: there is a tab",)),
    "a name twice": (b"results: a\nresults: b\n", ("line 2: results is already in line 1",)),
    "a list for a name": (b"? [a]\n: 1\n", ("line 1: what stands before the colon",)),
    "a section twice": (
        b"omero: {}\nreport: {}\nomero: {}\n",
        ("line 3: omero is already in line 1",),
    ),
    "twice within": (b"omero:\n  port: 1\n  port: 2\n", ("line 3: port is already in line 2",)),
    "utf-16": ("results: a\n".encode("utf-16"), ("is not in UTF-8",)),
    "latin-1": ('report: {title: "Zürich"}\n'.encode("latin-1"), ("is not in UTF-8",)),
    "gzip": (b"\x1f\x8b\x08\0\0\0", ("is not in UTF-8",)),
    "a zero": (b'results: "a\0"\n', ("line 1: holds a control character",)),
    "a control character": (b"x: 1\nresults: a\x07\n", ("line 2: holds a control character",)),
    "no date": (b"report: {title: 2024-13-45}\n", ("line 1: '2024-13-45' cannot be read",)),
    "no time": (b"report:\n  title: 2024-01-01 25:00:00\n", ("line 2:", "cannot be read")),
    "a number of 5,000 digits": (b"batch_size: " + b"9" * 5000, ("line 1:", "5000 digits")),
    "a list": (b"- a\n- b\n", ("line 1: is not a list of options",)),
    "a text": (b"hello\n", ("line 1: is not a list of options",)),
    "a number": (b"12\n", ("line 1: is not a list of options",)),
    "two documents": (b"a: 1\n---\na: 2\n", ("line 2: cannot be read",)),
    "an open bracket": (b"x: [1, 2\ny: 3\n", ("line", "cannot be read")),
    "an open quote": (b'x: "a\ny: 3\n', ("line", "cannot be read")),
    "two colons": (b"results: a: b\n", ("line 1: cannot be read",)),
    "a wrong indent": (b"omero:\n  host: a\n port: 1\n", ("line 3: cannot be read",)),
    "an unknown alias": (b"results: *gone\n", ("line 1: cannot be read",)),
    "a python object": (
        b'results: !!python/object/apply:os.system ["touch pwned"]\n',
        ("line 1: tag:yaml.org,2002:python/object/apply:os.system cannot be used here",),
    ),
    "a tag of its own": (b"results: !secret a\n", ("line 1: !secret cannot be used here",)),
    "bytes": (b"results: !!binary aGVsbG8=\n", ("binary cannot be used here",)),
    "lists in lists": (b"[" * 3000 + b"]" * 3000, ("nested too deeply",)),
    "blocks in blocks": (b"x: " + b"{a: " * 2000 + b"1" + b"}" * 2000, ("nested too deeply",)),
    "a billion laughs in lists": (LISTS.encode(), ("its repetitions (*name)",)),
    "a billion laughs in blocks": (BLOCKS.encode(), ("its repetitions (*name)",)),
    "a billion laughs by merging": (MERGED.encode(), ("its repetitions (*name)",)),
    "a list that holds itself": (
        b"x: &x [*x]\n",
        ("blocks are nested too deeply, or contain themselves",),
    ),
    "a block that holds itself": (
        b"x: &x\n  y: *x\n",
        ("blocks are nested too deeply, or contain themselves",),
    ),
    "all that is wrong": (
        b"results: a\nresults: b\nreport: {title: 2024-13-45}\nomero: {port: 1, port: 2}\n",
        ("3 problems", "line 2", "line 3", "line 4"),
    ),
}
FINE: dict[str, bytes] = {
    "nothing": b"",
    "a comment": b"# x\n",
    "a mark": b"\xef\xbb\xbfresults: a\n",
    "json": b'{"results": "a", "omero": {"port": 4064}}',
    "merging": b"x-a: &a {port: 1}\nomero:\n  <<: *a\n  host: b\n",
    "the same name in two blocks": b"a: {x: 1}\nb: {x: 1}\n",
    "windows' line ends": b"results: a\r\nreport:\r\n  title: b\r\n",
}
