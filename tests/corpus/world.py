"""A folder of images and of what only looks like files, which git cannot hold."""

from __future__ import annotations

import os
import socket
from pathlib import Path

DEEP = 20  # folders of 250 characters within each other: longer than any path may be
NAMES = ("a.tif", "A.tif", "b.tif", "set/1.tif", "set/2.tif", "set/d/3.tif", "nl\n.tif", "-rf.tif",
         "{batch}.tif", "=1+1.tif", "<b>.tif", "a;b.tif", " a b .tif", "loops/x.tif",
         "é.tif", "e\u0301.tif", "t1.tif", "t10.tif", "esc\x1b[31m.tif")  # fmt: skip
LONGEST = "n" * 251 + ".tif"


def build(folder: Path) -> Path:
    """Makes it, below the working folder that the test is in."""
    for name in (*NAMES, LONGEST):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (folder / "empty" / "within").mkdir(parents=True)
    (folder / "zero.tif").touch()
    (folder / "sums.md5").touch()
    for link, target in {
        "loop": "loop", "circle1": "circle2", "circle2": "circle1", "broken": "gone",
        "loops/self": "self", "loops/up": "..", "to-etc": "/etc/hostname", "to-set": "set",
    }.items():  # fmt: skip
        (folder / link).symlink_to(target)
    (folder / "pipes").mkdir()
    for pipe in ("pipe", "pipes/p.tif"):
        os.mkfifo(folder / pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")  # its address must be short, hence relative
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    (folder / "bytes").mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/bytes/\xff\xfe.tif")).write_bytes(b"x")
    (folder / "tree" / Path(*["d"] * 25)).mkdir(parents=True)
    (folder / "tree" / Path(*["d"] * 25) / "x.tif").write_bytes(b"x")
    _build_deep(folder / "deep")
    return folder


def _build_deep(folder: Path) -> None:
    folder.mkdir()
    inner = os.open(folder, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d" * 250, dir_fd=inner)
        outer, inner = inner, os.open("d" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(os.open("x.tif", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
    os.close(inner)


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What is there: kind, size and time of change of everything below a folder."""
    found = {}
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "deep"]  # whose paths are too long
        for name in (*folders, *files):
            status = os.lstat(f"{above}/{name}")
            found[f"{above}/{name}"] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found
