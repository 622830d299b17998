"""Files on disk: how each fileset is made, what its row says, and what must come of it."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy
import tifffile

PNG = b"\x89PNG\r\n\x1a\n"
_NESTED = "".join(
    f'<!ENTITY {new} "{f"&{old};" * 9}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ENTITIES = f'<!DOCTYPE x [<!ENTITY a "lol">{_NESTED}]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'
OME = (
    '<?xml version="1.0"?>{doctype}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    '<Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
    'SizeX="{x}" SizeY="{y}" SizeZ="1" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" '
    'SamplesPerPixel="1"/><TiffData IFD="0" PlaneCount="1">{uuid}</TiffData></Pixels></Image></OME>'
)


@dataclass(frozen=True)
class Case:
    """`make` writes the fileset below a folder of its own; `path` and `files` are the row's.

    It is imported, or fails at `stage` with `says` in its cause.
    """

    name: str
    make: Callable[[Path], object]
    path: str = "."
    files: str = ""
    stage: str = ""
    says: str = ""
    transfer: str = "none"


def image(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = numpy.random.default_rng([*os.fsencode(path)]).integers(0, 60000, (16, 20), "uint16")
    tifffile.imwrite(path, pixels, description=text or None, metadata=None)
    return path


def named(name: str, files: str = "*", transfer: str = "none") -> Case:
    return Case(
        f"name {name[:20]!a}", lambda folder: image(folder / name), ".", files, "", "", transfer
    )


def ome(doctype: str = "", name: str = "x", x: int = 20, y: int = 16, uuid: str = "") -> str:
    return OME.format(doctype=doctype, name=name, x=x, y=y, uuid=uuid)


def _bytes_name(folder: Path) -> None:
    image(folder / "x.tif").rename(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.tif"))


def _both(*names: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name in names:
            image(folder / name)

    return make


def _content(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def _with_pipe(folder: Path) -> None:
    image(folder / "a.tif")
    os.mkfifo(folder / "b.tif")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(folder, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/s.tif")
        os.close(here)


def _with_loops(folder: Path) -> None:
    image(folder / "a.tif")
    (folder / "up").symlink_to("..")
    (folder / "here").symlink_to(".")


def _sparse(name: str, size: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return make


def _companion(folder: Path) -> None:
    image(folder / "a.tif")
    (folder / "empty.txt").touch()
    _sparse("hole.bin", 50_000_000)(folder)


def _cut(folder: Path) -> None:
    path = image(folder / "a.tif")
    os.truncate(path, path.stat().st_size // 2)


def _vast_tiff(folder: Path) -> None:
    path = image(folder / "a.tif")
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    for entry in range(struct.unpack_from("<H", content, first)[0]):
        at = first + 2 + 12 * entry
        if struct.unpack_from("<H", content, at)[0] in (256, 257):
            struct.pack_into("<HII", content, at + 2, 4, 1, 0x7FFFFFFF)
    path.write_bytes(content)


def _vast_png(folder: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 0x7FFFFFFF, 0x7FFFFFFF, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (folder / "a.png").write_bytes(PNG + body)


def _elsewhere(folder: Path) -> None:
    """An OME-TIFF whose metadata names a file outside of what the manifest may name."""
    other = image(
        folder.parent.parent / "secret.ome.tif",
        ome(uuid='<UUID FileName="secret.ome.tif">urn:uuid:1</UUID>'),
    )
    uuid = f'<UUID FileName="../../{other.name}">urn:uuid:1</UUID>'
    image(folder / "a.ome.tif", ome(uuid=uuid))


def _linked_outside(folder: Path) -> None:
    other = image(folder.parent.parent / "outside.tif")
    (folder / "a.tif").symlink_to(other)


def _deep(folder: Path) -> None:
    image(folder / Path(*["d" * 200] * 12) / "a.tif")


CASES = [
    *(
        named(name)
        for name in (
            "nl\nx.tif",
            "cr\rx.tif",
            "tab\tx.tif",
            "esc\x1b[31m.tif",
            "\u202efit.tif",
            "-rf.tif",
            "{batch}.tif",
            "=1+1.tif",
            "<b onload=x>.tif",
            "a;b.tif",
            " a b .tif",
            "quote'\".tif",
            "back\\slash.tif",
            "col:on.tif",
            "per%20cent%s.tif",
            "#.tif",
            "$(touch x).tif",
            "`x`.tif",
            "~.tif",
            "?x*.tif",
            "[a].tif",
            "con.tif",
            "é.tif",
            "e\u0301.tif",
            "日本.tif",
            "🔬.tif",
            "a\u2028b.tif",
            "a\u00a0b.tif",
        )
    ),
    named("n" * 251 + ".tif"),
    named("n" * 250 + ".tif ", "*.tif*", "cp"),
    named("ü" * 125 + ".tif", "*", "cp"),
    named("nl\ny.tif", "*", "cp"),
    named("-rf2.tif", "*", "mv"),
    named("{x}.tif", "*", "ln_s"),
    Case("a name that is no text", _bytes_name, files="*", stage="convert", says="not valid UTF-8"),
    Case("a name that is no text, found", _bytes_name, stage="convert", says="not valid UTF-8"),
    Case("names but for case", _both("a.tif", "A.tif"), files="a.tif;A.tif", transfer="cp"),
    Case(
        "names but for normalisation",
        _both("é.tif", "e\u0301.tif"),
        files="é.tif;e\u0301.tif",
        transfer="cp",
    ),
    Case(
        "names that begin alike",
        _both("t1.tif", "t10.tif", "t1.tif.tif"),
        files="t1.tif;t10.tif;t1.tif.tif",
        transfer="mv",
    ),
    Case("a long path", _deep, files="**/*.tif"),
    Case(
        "empty and hollow companions", _companion, files="a.tif;empty.txt;hole.bin", transfer="cp"
    ),
    Case("a pipe and a socket beside it", _with_pipe),
    Case("a folder above itself", _with_loops),
    Case("an empty image", _content("a.tif", b""), "a.tif", stage="convert", says="a.tif"),
    Case(
        "an empty image, listed",
        _content("a.tif", b""),
        files="a.tif",
        stage="convert",
        says="a.tif",
    ),
    Case("a text", _content("a.tif", b"hello"), "a.tif", stage="convert", says="a.tif"),
    Case(
        "random bytes",
        _content("a.tif", bytes(range(256)) * 9),
        "a.tif",
        stage="convert",
        says="a.tif",
    ),
    Case("a hollow image", _sparse("a.tif", 1 << 30), "a.tif", stage="convert", says="a.tif"),
    Case("half an image", _cut, "a.tif", stage="convert", says="a.tif"),
    Case("half an image, listed", _cut, files="a.tif", stage="convert", says="a.tif"),
    Case("a vast image", _vast_tiff, "a.tif", stage="import", says="a.tif"),
    Case("a vast png", _vast_png, "a.png", stage="import", says="a.png"),
    # What is no XML is no metadata: the pixels are read as any TIFF's.
    Case("entities", lambda f: image(f / "a.ome.tif", ome(ENTITIES, "&i;")), "a.ome.tif"),
    Case("entities of files", lambda f: image(f / "a.ome.tif", ome(OUTSIDE, "&i;")), "a.ome.tif"),
    Case(
        "entities alone",
        _content("a.ome.xml", ome(ENTITIES, "&i;").encode()),
        "a.ome.xml",
        stage="convert",
        says="a.ome.xml",
    ),
    Case("metadata of files elsewhere", _elsewhere, "a.ome.tif", stage="convert", says="metadata"),
    Case(
        "a link to a file elsewhere",
        _linked_outside,
        stage="convert",
        says="outside the allowed folders",
    ),
    Case(
        "only pipes",
        lambda f: os.mkfifo(f / "a.tif"),
        stage="convert",
        says="no image among the files",
    ),
]
