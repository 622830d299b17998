"""Manifests that are refused, with what must be said, and manifests that only look bad."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HEAD = b"fileset,path\n"
IDS = ("..", ".", "-rf", "--help", "a b", "ä", "=x", "f/../g", "f\\g", "f;g", "f{g}", "*", "$(id)",
       "\u202ef", "f\u200b", "f" * 101, "x" * 100_000, "f\x1b[31m", "ｆ", "f'g", 'f"g',
       "~f")  # fmt: skip
FINE_IDS = ("con", "NUL", "a.", "0012", "1e5", "true", "null", "b00001", "index", "_", "f" * 100)


@dataclass(frozen=True)
class Case:
    """`says` is in the error, each text of it; without any the manifest has `rows` good rows."""

    name: str
    content: bytes
    says: tuple[str, ...] = ()
    rows: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)


def table(*rows: dict[str, str]) -> bytes:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def row(**cells: str) -> bytes:
    """A manifest of one row, f, of a.tif unless `cells` say otherwise (`kv_x` is kv.x)."""
    named = {name.replace("kv_", "kv."): text for name, text in cells.items()}
    return table({"fileset": "f", "path": "a.tif", **named})


def _bad_ids() -> list[Case]:
    said = "column fileset"
    return [Case(f"id {each[:12]!a}", row(fileset=each), ("row 2", said, "id")) for each in IDS]


BYTES = [
    Case("empty", b"", ("manifest is empty", "Write a header")),
    Case("only commas", b",,,,\n,,\n", ("manifest is empty",)),
    Case("a million columns", b"fileset,path" + b",x" * 10**6 + b"\nf\n", ("1,000,002 columns",)),
    Case("a million nameless ones", b"fileset,path" + b"," * 10**6 + b"\nf,a.tif" + b"," * 10**6),
    Case("only a header", HEAD, ("has no rows",)),
    Case("utf-16", (HEAD + b"f,a.tif\n").decode().encode("utf-16"), ("UTF-16", "CSV UTF-8")),
    Case("utf-32", (HEAD + b"f,a.tif\n").decode().encode("utf-32"), ("UTF-32",)),
    Case("utf-16 without mark", (HEAD + b"f,a.tif\n").decode().encode("utf-16-be"), ("UTF-16",)),
    Case("latin-1", "fileset,path\nf,ü.tif\n".encode("latin-1"), ("row 2", "0xfc", "'ü'")),
    Case("two encodings", HEAD + "f,ü.tif\n".encode() + b"g,\xfc.tif\n", ("row 3", "0xfc")),
    Case("surrogates", row(path="\udcff.tif"), ("row 2", "not UTF-8")),
    Case("overlong slash", HEAD + b"f,..\xc0\xafa.tif\n", ("row 2", "not UTF-8")),
    Case("zeros", b"\0" * 100, ("UTF-16",)),
    Case("zero in a cell", HEAD + b"f,a\0.tif\n", ("row 2", "column path", "control characters")),
    Case("two marks", b"\xef\xbb\xbf" * 2 + HEAD + b"f,a.tif\n", ("row 1", r"\ufefffileset")),
    Case("gzip", gzip.compress(HEAD + b"f,a.tif\n"), ("compressed by gzip",)),
    Case("excel", b"PK\x03\x04" + bytes(30), ("Excel", "CSV UTF-8")),
    Case("old excel", b"\xd0\xcf\x11\xe0" + bytes(30), ("Excel",)),
    Case("pdf", b"%PDF-1.4\n", ("a PDF",)),
    Case("an image", b"II*\0" + bytes(30), ("TIFF",)),
    Case("html", b"<html>\n<table>\n", ("there is no such column", "fileset: this column")),
    Case("json", b'{"fileset": "f",\n"path": "a.tif"}\n', ("cannot be read", "quotes")),
    Case("semicolons", b"fileset;path\nf;a.tif\n", ("separated by semicolons",)),
    Case("tabs", b"fileset\tpath\nf\ta.tif\n", ("separated by tabs",)),
    Case("bars", b"fileset|path\nf|a.tif\n", ("separated by vertical bars",)),
    Case("open quote", HEAD + b'f,a.tif\ng,"b.tif\n', ("row 3", "Check its quotes")),
    Case("quote within", HEAD + b'f,"a"b.tif\n', ("row 2", "Check its quotes")),
    Case("100 MB in a cell", HEAD + b'f,"' + b"a" * 100_000_000 + b'"\n', ("row 2", "limit")),
    Case("100 MB in quotes", HEAD + b'f,"' + b"a\n" * 50_000_000, ("row 2", "limit")),
    Case("too many cells", HEAD + b"f,a.tif,x\n", ("row 2", "3 cells", "has 2")),
    Case("too few cells", HEAD + b"f,a.tif\ng\n", ("row 3", "1 cells", "has 2")),
    Case(
        "10,000 columns",
        HEAD.strip() + b"".join(b",c%d" % n for n in range(10_000)) + b"\nf,a.tif" + b"," * 10_000,
        ("10000 problems", "column c0", "and 9950 more"),
    ),
    Case(
        "10,000 columns of a name",
        HEAD.strip() + b",kv.c" * 10_000 + b"\nf,a.tif" + b"," * 10_000,
        ("row 1", "10000 columns of this name"),
    ),
    Case("a column twice", b"fileset,path,path\nf,a.tif,b.tif\n", ("2 columns of this name",)),
    Case("twice but for spaces", b"fileset,path,kv.a,kv.a \nf,a.tif,,\n", ("2 columns of",)),
    Case("capital letters", b"Fileset,PATH\nf,a.tif\n", ("mean fileset?", "mean path?")),
    Case("a space in a name", b"file set,path\nf,a.tif\n", ("mean fileset?",)),
    Case("a space that is none", "fileset\u200b,path\nf,a.tif\n".encode(), (r"fileset\u200b",)),
    Case("a name in Greek letters", "filesеt,path\nf,a.tif\n".encode(), ("mean fileset?",)),
    Case("a column without name", b"fileset,path,\nf,a.tif,x\n", ("cell 3 is empty",)),
    Case("kv without key", b"fileset,path,kv.\nf,a.tif,x\n", ("not complete", "kv.organism")),
    Case("kv of spaces", b"fileset,path,kv. \nf,a.tif,x\n", ("not complete",)),
    Case("a formula as column", b"fileset,path,=cmd()\nf,a.tif,x\n", ("no such column",)),
    Case("a column that steers", b"fileset,path,\x1b[2J\nf,a.tif,x\n", (r"\x1b[2J",)),
    Case("a huge column", HEAD.strip() + b"," + b"c" * 100_000 + b"\nf,a.tif,x\n", ("no such",)),
]
TEXTS = [
    *_bad_ids(),
    Case("no id", row(fileset=""), ("column fileset", "the cell is empty")),
    Case("id of spaces", row(fileset="\u00a0 "), ("column fileset", "the cell is empty")),
    Case(
        "ids twice", table(*[{"fileset": "f", "path": p} for p in ("a.tif", "b.tif")]), ("row 3",)
    ),
    Case(
        "ids but for case",
        table({"fileset": "f", "path": "a.tif"}, {"fileset": "F", "path": "b.tif"}),
        ("row 3", "differs only in capital letters"),
    ),
    Case("formula as transfer", row(transfer="=CMD|' /C calc'!A0"), ("is not a transfer",)),
    Case("python's own function", row(import_transfer="os:rename"), ("column import_transfer",)),
    Case("python's mover", row(import_transfer="shutil:move"), ("Python's own",)),
    Case("a function of builtins", row(import_transfer="builtins:print"), ("Python's own",)),
    Case("code for a function", row(import_transfer="__import__('os'):x"), ("no Python function",)),
    Case("a path for a module", row(import_transfer="../../x:y"), ("names no Python function",)),
    Case("a shell as converter", row(convert="x; rm -rf /"), ("column convert", "no converter")),
    Case("a checksum of nothing", row(checksum="md5:"), ("column checksum", "32 hexadecimal")),
    Case(
        "a checksum of signs", row(checksum="sha256:" + "é" * 64), ("not a valid SHA2-256 digest",)
    ),
    Case("an unknown algorithm", row(checksum="md4:00"), ("column checksum", "known here")),
    Case("a huge checksum", row(checksum="md5:" + "0" * 100_000), ("column checksum",)),
    Case("both checksums", row(checksum="md5:" + "0" * 32, checksums="sums.md5"), ("both",)),
    Case("pixels of no number", row(pixel_size="nan"), ("column pixel_size",)),
    Case("pixels without end", row(pixel_size="1e999"), ("column pixel_size",)),
    Case("pixels below nothing", row(pixel_size="-1"), ("column pixel_size",)),
    Case("two pixel sizes", row(pixel_size="1x2"), ("column pixel_size",)),
    Case("huge pixels", row(pixel_size="9" * 100_000), ("column pixel_size",)),
    Case("annotation of 5,000 digits", row(annotations="9" * 5000), ("column annotations",)),
    Case("annotation past all", row(annotations=str(2**63)), ("column annotations",)),
    Case("annotation 0", row(annotations="0"), ("column annotations",)),
    Case("annotation below 0", row(annotations="-5"), ("column annotations",)),
    Case("annotation in other digits", row(annotations="١٢"), ("column annotations",)),
    Case("maybe", row(thumbnails="maybe"), ("neither yes nor no",)),
    Case("unknown exclusion", row(exclude="path"), ("is not an exclusion",)),
    Case("none and more", row(exclude="none;clientpath"), ("is not an exclusion",)),
    Case("name too long", row(name="n" * 256), ("256 characters", "at most 255")),
    Case("name of lines", row(name="a\nb"), ("column name", "line break")),
    Case("name that steers", row(name="a\x1b]0;x\x07"), ("column name", "control characters")),
    Case("value that steers", row(kv_k="\x9b31m"), ("column kv.k", "control characters")),
    Case(
        "orders to the server",
        b"fileset,path,comment.openmicroscopy.org/omero/import/x\nf,a.tif,1\n",
        ("row 1", "for orders"),
    ),
    Case("unknown kind", row(target="Folder:name:x"), ("column target", "is not valid")),
    Case("dataset 0", row(target="Dataset:id:0"), ("column target", "is not an id")),
    Case("dataset below 0", row(target="Dataset:id:-1"), ("column target", "is not an id")),
    Case("dataset past all", row(target=f"Dataset:id:{2**63}"), ("column target", "is not an id")),
    Case("dataset of 5,000 digits", row(target="Dataset:id:" + "9" * 5000), ("is not an id",)),
    Case("dataset in other digits", row(target="Dataset:id:٣"), ("column target", "is not an id")),
    Case("dataset of spaces", row(target="Dataset:name:   "), ("empty name",)),
    Case("no dataset in project", row(target="Project:name:P"), ("holds no images itself",)),
    Case("screen in project", row(target="Project:name:P/Screen:name:S"), ("column target",)),
    Case("screen in dataset", row(target="Dataset:name:D/Screen:name:S"), ("puts no Screen",)),
    Case("colons", row(target="::::"), ("column target", "is not valid")),
    Case("huge target", row(target="x" * 100_000), ("column target", "characters more")),
    Case("pattern without group", row(target="regex:.*"), ("no group named Container1",)),
    Case(
        "pattern that is none", row(target="regex:(?<Container1>[)"), ("not a regular expression",)
    ),
    Case("pattern of parentheses", row(target="regex:" + "(" * 100_000), ("at most 1000",)),
    Case(
        "pattern too deep",
        row(target=f"regex:(?<Container1>{'(' * 480}a{')' * 480})"),
        ("column target",),
    ),
    Case(
        "pattern of a trillion",
        row(target="regex:(?<Container1>(((a{999}){999}){999}){999})"),
        ("too many repetitions",),
    ),
    Case(
        "pattern of two counts",
        row(target="regex:(?<Container1>(a{1,999}){1,999})"),
        ("too many repetitions",),
    ),
    Case("unknown discriminator", row(target="regex:*name:(?<Container1>.*)"), ("discriminator",)),
    *(
        Case(f"text {name}", row(name=text, description=text, tags=text, kv_k=text, comment=text))
        for name, text in {
            "formula": "=CMD|' /C calc'!A0",
            "template": "{{7*7}}{% for x in y %}",
            "html": "<script>alert(1)</script>",
            "format": "{0} %s %n ${HOME} $(id) `id`",
            "wildcard": "{batch}",
            "sql": "'; drop table image; --",
            "bidi": "\u202egpj.a",
            "line separator": "a\u2028b",
            "null": "NULL",
            "emoji": "🔬\u200d🧬",
            "quote": 'a"b',
        }.items()
    ),
    *(Case(f"good id {each[:8]}", row(fileset=each)) for each in FINE_IDS),
    Case("a mark", b"\xef\xbb\xbf" + HEAD + b"f,a.tif\n"),
    Case("line ends of a Mac", b"fileset,path\rf,a.tif\r"),
    Case("line ends of several", b"fileset,path\r\nf,a.tif\ng,b.tif\r", rows=2),
    Case("spaces that stay together", "fileset\u00a0,path\nf,a.tif\u00a0\n".encode()),
    Case("nameless columns", b"fileset,path,,\nf,a.tif,,\n"),
    Case(
        "10,000 keys",
        HEAD.strip()
        + b"".join(b",kv.%d" % n for n in range(10_000))
        + b"\nf,a.tif"
        + b",x" * 10_000,
    ),
    Case("keys but for case", b"fileset,path,kv.a,kv.A\nf,a.tif,x,y\n"),
    Case("a value of 100,000 characters", row(kv_k="v" * 100_000)),
    Case("tags of nothing", row(tags=";;; ;")),
]
FILES = [
    Case("no path", row(path=""), ("column path", "the cell is empty")),
    Case("absent", row(path="gone.tif"), ("column path", "gone.tif' does not exist")),
    Case("of windows", row(path="C:\\data\\a.tif"), ("Write / instead of \\",)),
    Case("of a url", row(path="https://example.org/a.tif"), ("does not exist",)),
    Case("of a home", row(path="~/a.tif"), ("does not exist",)),
    Case("of a variable", row(path="$HOME/a.tif"), ("does not exist",)),
    Case("below a file", row(path="a.tif/b"), ("does not exist",)),
    Case("turned round", row(path="\u202efit.a"), (r"\u202efit.a",)),
    Case("a name too long", row(path="n" * 300), ("File name too long",)),
    Case("a path too long", row(path="/".join(["d" * 250] * 20)), ("File name too long",)),
    Case("a folder too deep", row(path="deep"), ("there is no file in the folder",)),
    Case("a tree too deep", row(path="deep", files="**/*.tif"), ("File name too long",)),
    Case("a loop", row(path="loop"), ("column path", "Too many levels of symbolic links")),
    Case("a circle", row(path="circle1"), ("Too many levels of symbolic links",)),
    Case("a loop among files", row(path="loops", files="self"), ("Too many levels",)),
    Case("a broken link", row(path="broken"), ("is a symbolic link to", "Fix the link")),
    Case("an empty folder", row(path="empty"), ("there is no file in the folder",)),
    Case("a pipe", row(path="pipe"), ("but a named pipe",)),
    Case("a pipe among files", row(path="pipes", files="*"), ("column files", "named pipe")),
    Case("a socket", row(path="socket"), ("but a socket",)),
    Case("a device", row(path="/dev/zero"), ("but a device",)),
    Case("a terminal", row(path="/dev/tty"), ("but a device",)),
    Case("the kernel's memory", row(path="/proc/kcore"), ("not a file on disk",)),
    Case("a process's folder", row(path="/proc/self/cwd/a.tif"), ("not a file on disk",)),
    Case("a process's memory", row(path="/proc/self/mem"), ("not a file on disk",)),
    Case("the system's", row(path="/sys/kernel"), ("not a file on disk",)),
    Case("the manifest", row(path="manifest.csv"), ("is part of this run",)),
    Case("the manifest by a glob", row(path=".", files="*.csv"), ("manifest.csv' is part of",)),
    Case("out of the folder", row(path="set", files="../a.tif"), ("leads out of the folder",)),
    Case("out and in", row(path="set", files="d/../../a.tif"), ("leads out of the folder",)),
    Case("absolute among files", row(path="set", files="/etc/passwd"), ("absolute path",)),
    Case(
        "outside the roots",
        row(path="to-etc"),
        ("is outside", "/etc/hostname"),
        options={"allowed_roots": ["."]},
    ),
    Case(
        "up and outside",
        row(path="set/../../../../../../etc/hostname"),
        ("is outside",),
        options={"allowed_roots": ["."]},
    ),
    Case("beside a root", row(path="setlike"), ("is outside",), options={"allowed_roots": ["set"]}),
    Case(
        "outside by a glob",
        row(path=".", files="to-*"),
        ("to-etc' (it leads to",),
        options={"allowed_roots": ["."]},
    ),
    Case("a folder among files", row(path="set", files="d"), ("is a folder, where a file",)),
    Case("no match", row(path="set", files="[z-a]*"), ("'[z-a]*' matches no file",)),
    Case("an open bracket", row(path="set", files="["), ("'[' matches no file",)),
    Case("2,000 stars", row(path="set", files="*a" * 2000), ("matches no file",)),
    Case(
        "claimed twice",
        table({"fileset": "f", "path": "a.tif"}, {"fileset": "g", "path": "a.tif"}),
        ("row 3", "is claimed by row 2 (fileset f) too"),
    ),
    Case(
        "claimed by a link",
        table({"fileset": "f", "path": "set/1.tif"}, {"fileset": "g", "path": "to-set/1.tif"}),
        ("row 3", "claimed"),
    ),
    Case(
        "claimed by its folder",
        table({"fileset": "f", "path": "set"}, {"fileset": "g", "path": "set/d"}),
        ("row 3", "lies in"),
    ),
    Case("checksums from a pipe", row(checksums="pipe"), ("column checksums", "named pipe")),
    Case("checksums without end", row(checksums="/dev/zero"), ("column checksums", "a device")),
    Case("checksums of a terabyte", row(checksums="sparse"), ("as no checksum file has",)),
    Case(
        "all that is wrong",
        table(
            {"fileset": "-f", "path": "gone", "target": "x", "name": "n" * 300, "annotations": "x"}
        ),
        (
            "5 problems",
            "column fileset",
            "column path",
            "column target",
            "column name",
            "column annotations",
        ),
    ),
    *(
        Case(f"file {name!a}", row(path=name))
        for name in (
            "{batch}.tif",
            "=1+1.tif",
            "<b>.tif",
            "a;b.tif",
            "-rf.tif",
            "é.tif",
            "t1.tif",
            "e\u0301.tif",
            "zero.tif",
            "sparse",
            "n" * 251 + ".tif",
            "loops/up/a.tif",
        )
    ),
    Case(
        "names but for case",
        table({"fileset": "f", "path": "a.tif"}, {"fileset": "g", "path": "A.tif"}),
        rows=2,
    ),
    Case(
        "names but for normalisation",
        table({"fileset": "f", "path": "é.tif"}, {"fileset": "g", "path": "e\u0301.tif"}),
        rows=2,
    ),
    Case(
        "names that begin alike",
        table({"fileset": "t1", "path": "t1.tif"}, {"fileset": "t10", "path": "t10.tif"}),
        rows=2,
    ),
    Case("a name of lines", row(path=".", files="nl*")),
    Case("a name that is no text", row(path="bytes", files="*"), ("not valid UTF-8", "Rename")),
    Case("a loop beside the files", row(path="loops", files="*.tif")),
    Case("a folder above itself", row(path="loops", files="**/*.tif")),
    Case("12 times any folder", row(path="tree", files="**/" * 12 + "x.tif")),
    Case("8 times any folder", row(path="tree", files="**/*/" * 8 + "*.tif")),
    Case("5,000 globs", row(path="set", files=";".join(f"*.ti[f{n}]" for n in range(5000)))),
]
CASES = [*BYTES, *TEXTS, *FILES]
