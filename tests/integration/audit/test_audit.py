"""Audits after a run: they find what was broken since, and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integration.audit import breakages as do
from tests.integration.audit.house import Found, House

Break = Callable[[House], AbstractContextManager[None]]
Expect = Callable[[House], Found]

DIGEST, SIZE, MISSING = "digest differs", "size differs", "missing"
REPLACED, ELSEWHERE, DANGLING = "replaced", "link leads elsewhere", "dangling link"
OTHERS, UNREADABLE, UNKNOWN = "may be changed by others", "unreadable", "unknown to OMERO"


def of(kind: str, row: str, path: Callable[[House], Path]) -> Expect:
    return lambda house: {(kind, (row,), str(path(house)))}


def source(row: str, number: int = 0) -> Callable[[House], Path]:
    return lambda house: house.source(row, number)


def path(row: str, number: int = 0) -> Callable[[House], Path]:
    return lambda house: house.path(row, number)


def link(row: str, number: int = 0) -> Callable[[House], Path]:
    return lambda house: house.repository_file(row, number)


def nothing(_house: House) -> Found:
    return set()


def on(
    act: Callable[..., AbstractContextManager[None]],
    where: Callable[[House], Path],
    *arguments: object,
) -> Break:
    return lambda house: act(where(house), *arguments)


def one(
    kind: str,
    row: str,
    act: Callable[..., AbstractContextManager[None]],
    where: Callable[[House], Path],
    *arguments: object,
) -> tuple[Break, Expect]:
    """A breakage of one file, and the one finding that tells of it."""
    return on(act, where, *arguments), of(kind, row, where)


def access_list(user: int, rights: int) -> bytes:
    entries = [(1, 6, 0xFFFFFFFF), (2, rights, user), (4, 4, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF)]
    entries.append((32, 4, 0xFFFFFFFF))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


BREAKAGES: dict[str, tuple[Break, Expect]] = {
    # A byte flips, and the file's time does not tell.
    "flip a source behind a link": one(DIGEST, "ln_s", do.flipped, source("ln_s")),
    "flip a hard-linked source": one(DIGEST, "ln", do.flipped, source("ln")),
    "flip the source of a copy": one(DIGEST, "cp", do.flipped, source("cp")),
    "flip OMERO's copy": one(DIGEST, "cp", do.flipped, link("cp")),
    "flip an upload": one(DIGEST, "upload", do.flipped, link("upload")),
    "flip what ln_rm left": one(DIGEST, "ln_rm", do.flipped, link("ln_rm")),
    "flip what cp_rm left": one(DIGEST, "cp_rm", do.flipped, link("cp_rm")),
    "flip what upload_rm left": one(DIGEST, "upload_rm", do.flipped, link("upload_rm")),
    "flip a copy in the store": one(DIGEST, "store-cp-ln_s", do.flipped, path("store-cp-ln_s")),
    "flip the original of a copy": one(
        DIGEST, "store-cp-ln_s", do.flipped, source("store-cp-ln_s")
    ),
    "flip what was moved": one(DIGEST, "store-mv-ln_s", do.flipped, path("store-mv-ln_s")),
    "flip three names of a file": one(DIGEST, "store-ln-ln", do.flipped, source("store-ln-ln")),
    "flip the second file of a series": one(
        DIGEST, "series-none", do.flipped, source("series-none", 1)
    ),
    "flip a plate's last file": one(DIGEST, "plate", do.flipped, source("plate", -1)),
    "flip what was converted": one(DIGEST, "converted", do.flipped, path("converted")),
    "flip an original": one(DIGEST, "converted", do.flipped, source("converted")),
    "flip with another time": one(DIGEST, "ln_s", do.flipped, source("ln_s"), False),
    # Sizes.
    "truncate a source": one(SIZE, "ln_s", do.truncated, source("ln_s")),
    "truncate in the store": one(SIZE, "series-cp", do.truncated, path("series-cp", 2)),
    "truncate an upload": one(SIZE, "upload", do.truncated, link("upload")),
    # What is no damage.
    "touch a source": (on(do.touched, source("ln_s")), nothing),
    "a source that came back from a backup": (on(do.written_anew, source("ln_s")), nothing),
    "a link to the same file by another path": (
        lambda house: do.linked_to(
            house.repository_file("ln_s"),
            house.source("ln_s").parent / ".." / "ln_s" / "a.tif",
        ),
        nothing,
    ),
    # Files that are not where they were.
    "delete a source": one(MISSING, "ln_s", do.gone, source("ln_s")),
    "delete a hard-linked source": one(MISSING, "ln", do.gone, source("ln")),
    "delete the source of an upload": one(MISSING, "upload", do.gone, source("upload")),
    "delete in the store": one(MISSING, "store-ln-ln_s", do.gone, path("store-ln-ln_s")),
    "delete what was moved": one(MISSING, "store-mv-ln_s", do.gone, path("store-mv-ln_s")),
    "delete a link in the store": one(MISSING, "store-ln_s-ln_s", do.gone, path("store-ln_s-ln_s")),
    "delete what that leads to": one(
        MISSING, "store-ln_s-ln_s", do.gone, source("store-ln_s-ln_s")
    ),
    "delete a link in the repository": one(MISSING, "ln_s", do.gone, link("ln_s")),
    "delete a copy in the repository": one(MISSING, "cp_rm", do.gone, link("cp_rm")),
    "delete one file of a plate": one(MISSING, "plate", do.gone, source("plate", 1)),
    "move a source": (
        lambda house: do.gone(house.source("ln_s"), house.source("ln_s").with_name("b.tif")),
        of(MISSING, "ln_s", source("ln_s")),
    ),
    "move a file within the repository": (
        lambda house: do.gone(
            house.repository_file("cp"), house.repository_file("cp").with_name("b.tif")
        ),
        lambda house: {
            (MISSING, ("cp",), str(house.repository_file("cp"))),
            (UNKNOWN, (), str(house.repository_file("cp").with_name("b.tif"))),
        },
    ),
    # Links, and what takes a file's place.
    "dangle a link": one(DANGLING, "ln_s", do.linked_to, link("ln_s"), "/nowhere/at/all"),
    "dangle a link in the store": one(
        DANGLING, "store-ln_s-ln_s", do.linked_to, path("store-ln_s-ln_s"), "/nowhere"
    ),
    "lead a link to another file": (
        lambda house: do.linked_to(house.repository_file("ln_s"), house.source("cp")),
        of(ELSEWHERE, "ln_s", link("ln_s")),
    ),
    "a link where a copy was": (
        lambda house: do.linked_to(house.repository_file("cp"), house.source("cp")),
        of(REPLACED, "cp", link("cp")),
    ),
    "a link where a stored copy was": (
        lambda house: do.linked_to(house.path("store-cp-ln_s"), house.source("cp")),
        of(REPLACED, "store-cp-ln_s", path("store-cp-ln_s")),
    ),
    "a copy where a link was": (
        lambda house: do.written_anew(house.repository_file("ln_s")),
        of(REPLACED, "ln_s", link("ln_s")),
    ),
    "a folder where a link of the store led": one(
        REPLACED, "store-ln_s-ln_s", do.a_folder, source("store-ln_s-ln_s")
    ),
    "a folder where a source was": one(REPLACED, "ln_s", do.a_folder, source("ln_s")),
    "other bytes, as many and as old": (
        lambda house: do.written_anew(house.source("ln"), do.other_bytes(house.source("ln"))),
        of(DIGEST, "ln", source("ln")),
    ),
    "swap two sources": (
        lambda house: do.swapped(house.source("ln_s"), house.source("cp")),
        lambda house: {(DIGEST, (row,), str(house.source(row))) for row in ("ln_s", "cp")},
    ),
    "swap two links of a fileset": (
        lambda house: do.swapped(
            house.repository_file("series-none", 0), house.repository_file("series-none", 1)
        ),
        lambda house: {
            (ELSEWHERE, ("series-none",), str(house.repository_file("series-none", number)))
            for number in (0, 1)
        },
    ),
    # Who may change them.
    "chmod for everybody": one(OTHERS, "ln_s", do.chmodded, source("ln_s"), 0o666),
    "chmod for the group": one(OTHERS, "cp", do.chmodded, source("cp"), 0o664),
    "chmod in the store": one(OTHERS, "series-cp", do.chmodded, path("series-cp", 1), 0o666),
    "chmod of what was uploaded": one(OTHERS, "upload", do.chmodded, link("upload"), 0o666),
    "OMERO's group may write to its own": (on(do.chmodded, link("upload"), 0o664), nothing),
    "chmod of a copy for its owner": one(
        "not protected", "series-cp", do.chmodded, path("series-cp", 1), 0o644
    ),
    "chmod of OMERO's copy": one("not protected", "cp", do.chmodded, link("cp"), 0o644),
    "chmod of what was converted": one(
        "not protected", "converted", do.chmodded, path("converted"), 0o644
    ),
    "chmod of the folder": (
        lambda house: do.chmodded(house.source("plate").parent, 0o777),
        lambda house: {(OTHERS, ("plate",), str(house.source("plate").parent))},
    ),
    "nobody may read it": one(UNREADABLE, "ln_s", do.chmodded, source("ln_s"), 0),
    "only its owner may read it": one(UNREADABLE, "cp", do.chmodded, source("cp"), 0o600),
    "only the store's owner may read it": one(
        UNREADABLE, "series-cp", do.chmodded, path("series-cp"), 0o400
    ),
    "less may write": (on(do.chmodded, source("cp"), 0o444), nothing),
    "another owner": one(OTHERS, "store-mv-ln_s", do.given_to, path("store-mv-ln_s"), 4711),
    "another owner of a source": one(OTHERS, "ln", do.given_to, source("ln"), 4711),
    "another owner of what was copied": one(
        OTHERS, "store-cp-ln_s", do.given_to, source("store-cp-ln_s"), 4711
    ),
    "another owner of an original": one(
        OTHERS, "converted", do.given_to, source("converted"), 4711
    ),
    "another owner of OMERO's copy": one(OTHERS, "cp", do.given_to, link("cp"), 4711),
    "another owner of an upload": one(OTHERS, "upload", do.given_to, link("upload"), 4711),
    "another owner of what ln_rm left": one(OTHERS, "ln_rm", do.given_to, link("ln_rm"), 4711),
    "another owner of a link": one(OTHERS, "ln_s", do.link_given_to, link("ln_s"), 4711),
    "another owner of a link in the store": one(
        OTHERS, "store-ln_s-ln_s", do.link_given_to, path("store-ln_s-ln_s"), 4711
    ),
    "only its owner may read OMERO's copy": one(
        UNREADABLE, "cp_rm", do.chmodded, link("cp_rm"), 0o400
    ),
    "chmod of a folder in the repository": (
        lambda house: do.chmodded(house.repository_file("ln_s").parent, 0o777),
        lambda house: {(OTHERS, ("ln_s",), str(house.repository_file("ln_s").parent))},
    ),
    "another user is granted it": one(
        OTHERS, "ln_s", do.granted, source("ln_s"), access_list(4711, 6)
    ),
    "another user may read it": (on(do.granted, source("ln_s"), access_list(4711, 4)), nothing),
    # What nothing knows.
    "a file in the repository": (
        lambda house: do.added(house.repository_file("ln_s").with_name("stray.tif")),
        lambda house: {(UNKNOWN, (), str(house.repository_file("ln_s").with_name("stray.tif")))},
    ),
    "a file at its top": (
        lambda house: do.added(house.server.repository / "stray.tif"),
        lambda house: {(UNKNOWN, (), str(house.server.repository / "stray.tif"))},
    ),
}


def test_nothing_is_found_after_a_run(house: House, archive: House) -> None:
    for each in (house, archive):
        for mode in ("full", "fast"):
            assert each.audit(mode=mode) == set(), (each.results / "audit.txt").read_text()


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_was_broken_is_found_and_nothing_else(house: House, name: str) -> None:
    breakage, expected = BREAKAGES[name]
    before = [do.tree(house.folder / "source"), do.tree(house.server.repository)]

    with breakage(house):
        expected_now = expected(house)
        found = house.audit()

    assert found == expected_now
    assert [do.tree(house.folder / "source"), do.tree(house.server.repository)] == before
