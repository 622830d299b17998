"""What is settled, what waits, what is refused: trees that change between scans."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ingest.digests import digest_file
from ingest.drop.hand_on import files_of
from ingest.drop.state import State
from ingest.drop.way_in import words
from ingest.fileset import StageError
from ingest.intakes import Intake, read_rows
from ingest.journal import JOURNAL, Journal

from .box import Box


def test_a_file_is_handed_on_once_it_was_the_same_in_two_scans(box: Box) -> None:
    path = box.write("ada/cells.tif")

    first, early, settled, later = box.scan(), box.scan(59), box.scan(1), box.scan()

    assert [a.filesets for a in (first, early, settled, later)] == [0, 0, 1, 0]
    assert list(early.waiting) == [str(path)]
    assert later.known == 1
    (row,) = box.rows
    assert row["path"] == str(path)
    assert row["user"] == "ada"
    assert row["fileset"].startswith("ada-cells.tif-")


def test_an_old_file_that_was_moved_in_still_has_to_settle(box: Box) -> None:
    old = box.folder / "old.tif"
    old.write_text("pixels")
    os.utime(old, (1, 1))
    (box.root / "ada").mkdir()
    old.rename(box.root / "ada" / "old.tif")

    assert box.scan().filesets == 0
    assert box.scan().filesets == 1


def test_a_slow_writer_is_waited_for(box: Box) -> None:
    for size in range(1, 5):
        box.write("ada/slow.tif", b"x" * size)
        assert box.scan().filesets == 0
    assert box.scan().filesets == 1


def test_a_clock_that_is_set_back_makes_no_file_wait_for_ever(box: Box) -> None:
    box.write("ada/a.tif")
    box.scan()
    box.scan(-10_000)
    assert box.scan().filesets == 1


def test_replaced_content_is_a_new_fileset_and_an_earlier_one_is_not_repeated(box: Box) -> None:
    path = box.write("ada/a.tif", "first")
    box.settle()
    box.write("ada/a.tif", "other")  # of the same length
    assert box.settle().filesets == 1
    new = box.folder / "new.tif"
    new.write_text("third")
    os.utime(new, ns=(0, path.stat().st_mtime_ns))
    new.replace(path)  # same size and time, another inode
    assert box.settle().filesets == 1
    assert box.settle().filesets == 0
    assert len({row["fileset"] for row in box.rows}) == 3


def test_content_that_is_written_over_with_its_time_set_back_is_seen(box: Box) -> None:
    path = box.write("ada/a.tif", "first")
    box.settle()
    before = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(before, before))
    assert box.settle().filesets == 1


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_names_permissions_links_and_copies_elsewhere_hand_nothing_on_twice(
    box: Box, size: int
) -> None:
    path = box.write("ada/a.tif", os.urandom(size))
    box.settle()

    path.chmod(0o600)
    assert box.settle().filesets == 0
    path = path.rename(path.with_name("b.tif"))
    assert box.settle().filesets == 0
    (box.root / "ada/later").mkdir()
    path = path.rename(box.root / "ada/later/b.tif")
    assert box.settle().filesets == 0
    (box.root / "ada/hard.tif").hardlink_to(path)
    (box.root / "ada/soft.tif").symlink_to(path)
    assert box.settle().filesets == 0
    shutil.copy2(path, box.folder / "moved.tif")  # as to another disk, and back
    for name in ("later/b.tif", "hard.tif", "soft.tif"):
        (box.root / "ada" / name).unlink()
    shutil.copy2(box.folder / "moved.tif", box.root / "ada" / "c.tif")
    assert box.settle().filesets == 0


def test_a_small_file_that_is_only_touched_is_known(box: Box) -> None:
    path = box.write("ada/a.tif")
    box.settle()
    path.touch()
    assert box.settle().filesets == 0


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_a_file_that_is_renamed_and_touched_is_known(box: Box, size: int) -> None:
    path = box.write("ada/a.tif", os.urandom(size))
    (intake,) = box.settle().intakes
    run_of(intake)
    path.rename(path.with_name("b.tif")).touch()
    assert box.settle().filesets == 0


@pytest.mark.parametrize("dies", [False, True])
def test_what_is_renamed_before_its_run_is_handed_on_where_it_is(
    box: Box, dies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = box.write("ada/a.tif", "one"), box.write("ada/b.tif", "two")
    begun = box.write("ada/c.tif", "three")
    (intake,) = box.settle().intakes
    fileset = next(row["fileset"] for row in read_rows(intake) if row["path"] == str(begun))
    Journal(intake.results / JOURNAL).append(fileset, "transfer", "intent", removes=[str(begun)])
    path.rename(path.with_name("later.tif"))
    begun.unlink()  # as a transfer does
    assert box.settle().filesets == 0
    if dies:
        with monkeypatch.context() as patched:
            patched.setattr(State, "forget", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                box.way_in.prepare(intake)
    assert box.way_in.prepare(intake)
    assert [Path(row["path"]).name for row in read_rows(intake)] == ["b.tif", "c.tif"]
    if not dies:
        (box.folder / "intakes/drop.sqlite").unlink()
    (anew,) = box.settle().intakes
    assert [Path(row["path"]).name for row in read_rows(anew)] == ["later.tif"]
    assert other.exists() and box.way_in.prepare(anew)
    assert box.settle().filesets == 0


def test_a_marker_that_is_written_again_or_removed_before_the_run_takes_no_row_out(
    box: Box,
) -> None:
    box.tree = {"ready_marker": "READY"}
    path = box.write("ada/a.tif")
    marker = box.write("ada/READY", "complete at 9:00")
    (intake,) = box.scan().intakes
    marker.write_text("complete at 10:00")
    box.settle()
    assert box.way_in.prepare(intake)
    marker.unlink()
    box.settle()
    assert box.way_in.prepare(intake)
    assert [row["path"] for row in read_rows(intake)] == [str(path)]


def test_two_files_that_change_names_are_both_known(box: Box) -> None:
    one, two = box.write("ada/a.tif", "one"), box.write("ada/b.tif", "two")
    box.settle()
    one.rename(box.root / "ada/t.tif")
    two.rename(one)
    (box.root / "ada/t.tif").rename(two)
    assert box.settle().filesets == 0


def test_a_copy_beside_the_original_is_a_fileset_of_its_own(box: Box) -> None:
    path = box.write("ada/a.tif")
    box.settle()
    shutil.copy2(path, box.root / "ada/copy.tif")
    assert box.settle().filesets == 1


def test_hard_links_into_the_tree_are_seen(box: Box) -> None:
    outside = box.folder / "outside.tif"
    outside.write_text("pixels")
    (box.root / "ada").mkdir()
    (box.root / "ada/a.tif").hardlink_to(outside)
    box.settle()
    assert box.handed == [["ada/a.tif"]]


def test_what_is_no_image_is_told_once_and_left_alone(box: Box) -> None:
    for name in ("Thumbs.db", ".DS_Store", "~$notes.docx", "a.tif~", "line\nbreak.tif"):
        box.write(f"ada/{name}")
    os.mkfifo(box.root / "ada/pipe.tif")
    (box.root / "ada/dangling.tif").symlink_to("nowhere")
    box.write(os.fsdecode(b"ada/\xff.tif"))
    box.write("ada/empty.tif", "")
    box.write("beside.tif")

    box.scan()
    second, third = box.scan(), box.scan()

    assert len(second.refused) == len(third.refused) == 10
    assert third.news == set()
    assert "users' folders" in second.refused[str(box.root / "beside.tif")]
    assert box.rows == []


def test_downloads_wait_and_are_seen_under_their_final_name(box: Box) -> None:
    part = box.write("ada/a.tif.filepart")
    assert list(box.settle().waiting) == [str(part)]
    part.rename(part.with_suffix(""))
    box.settle()
    assert box.handed == [["ada/a.tif"]]


def test_a_file_that_may_not_be_read_waits_until_it_may(box: Box, monkeypatch) -> None:
    path = box.write("ada/a.tif")
    box.scan()
    opened = Path.open

    def refuse(self: Path, *arguments: object, **more: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        assert "Permission denied" in box.scan().waiting[str(path)]
    assert box.scan().filesets == 1
    with monkeypatch.context() as patched:  # a change of permissions alone
        patched.setattr(Path, "open", refuse)
        path.chmod(0)
        assert box.settle().filesets == 0
        assert box.scan().known == 1


def test_a_tree_that_is_not_mounted_forgets_nothing(box: Box) -> None:
    box.write("ada/a.tif")
    box.write("ada/Thumbs.db")
    box.scan()
    box.root.rename(box.folder / "unmounted")
    account = box.scan()
    assert account.problems and account.waiting == {}
    (box.folder / "unmounted").rename(box.root)
    account = box.scan()
    assert account.filesets == 1
    assert account.news == set()


def test_links_to_folders_are_followed_and_circles_end(box: Box) -> None:
    elsewhere = box.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.tif").write_text("pixels")
    (box.root / "ada").mkdir()
    (box.root / "ada/data").symlink_to(elsewhere)
    (box.root / "ada/round").symlink_to(box.root / "ada")
    box.settle()
    assert box.handed == [["ada/data/a.tif"]]


def test_a_link_to_itself_and_folders_without_end_stop_nobody(box: Box) -> None:
    path = box.write("ada/a.tif")
    for name in ("ada/loop", "loop"):
        (box.root / name).symlink_to(Path(name).name)
    deep = path.parent / "deep"
    deep.mkdir()
    descriptor = os.open(deep, os.O_RDONLY)
    for _ in range(1500):  # more than Python, or a path, has room for
        os.mkdir("d", dir_fd=descriptor)
        within = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = within
    os.close(descriptor)
    account = box.settle()
    assert box.handed == [["ada/a.tif"]]
    assert account.refused[str(box.root / "ada/loop")] == "it is a link that leads nowhere"
    assert account.refused.keys() > {str(box.root / "loop")}
    assert any("100 folders deep" in reason for reason in account.refused.values())
    assert account.problems == []
    subprocess.run(["rm", "-rf", deep], check=True)  # pytest's own way is one that ends


def test_users_have_options_of_their_own(box: Box) -> None:
    box.tree = {
        "target": "Dataset:name:All",
        "group": "lab",
        "ignore": ["*.log"],
        "cells": {"tags": "dropped", "kv.source": "microscope 3"},
        "users": {
            "ada": {"target": "Screen:name:S", "whitelist": ["*.nd2"], "cells": {}},
            "eve": {"skip": True},
        },
    }
    for name in ("ada/a.nd2", "ada/a.tif", "grace/b.tif", "grace/c.log", "eve/d.tif"):
        box.write(name)
    account = box.settle()
    assert "whitelist" in account.refused[str(box.root / "ada/a.tif")]
    told = [(r["user"], r["group"], r["target"], r["tags"], r["kv.source"]) for r in box.rows]
    assert told == [
        ("ada", "lab", "Screen:name:S", "", ""),
        ("grace", "lab", "Dataset:name:All", "dropped", "microscope 3"),
    ]


def test_a_tree_of_one_user_has_no_folders_of_users(box: Box) -> None:
    box.tree = {"user": "ada", "subfolders": False}
    box.write("a.tif")
    box.write("sub/b.tif")
    box.settle()
    assert [(row["user"], Path(row["path"]).name) for row in box.rows] == [("ada", "a.tif")]


def test_an_intake_holds_at_most_a_batch(box: Box) -> None:
    box.tree = {"batch": 4}
    for number in range(10):
        box.write(f"ada/{number}.tif", str(number))
    account = box.settle()
    assert [len(read_rows(intake)) for intake in account.intakes] == [4, 4, 2]
    assert "snakemake --config manifest=" in words(account)


def test_thousands_of_files_at_once_are_handed_on_once(box: Box) -> None:
    box.tree = {"batch": 200}
    folder = box.root / "ada"
    folder.mkdir()
    for number in range(2_000):
        (folder / f"{number}.tif").write_bytes(number.to_bytes(4, "big"))
    assert box.scan().filesets == 0
    assert box.scan().filesets == 2_000
    assert box.scan().known == 2_000
    assert len({row["fileset"] for row in box.rows}) == 2_000


def test_a_damaged_state_is_told_and_may_be_removed(box: Box) -> None:
    box.write("ada/a.tif")
    box.settle()
    state = box.folder / "intakes/drop.sqlite"
    state.write_bytes(b"no database at all, but what a full disk left" * 100)
    with pytest.raises(StageError, match=r"drop\.sqlite cannot be used") as refused:
        box.scan()
    assert "may be removed" in refused.value.remedy
    state.unlink()
    assert box.settle().filesets == 0


def test_trees_in_the_way_of_each_other_or_of_the_store_are_refused(box: Box) -> None:
    from ingest.config import load
    from ingest.drop.way_in import DropFolders

    inner = {"root": str(box.root / "ada")}
    outer = {"root": str(box.root)}
    for options in (
        {"drop": {"outer": outer, "inner": inner}},
        {"drop": {"outer": outer}, "transfer": {"store": str(box.root / "store")}},
        {"drop": {"outer": outer}, "watch": {"intakes": str(box.root / "intakes")}},
    ):
        with pytest.raises(StageError, match="lies in the tree"):
            DropFolders(load(options)).look()
    assert list(box.root.iterdir()) == []


def run_of(intake: Intake) -> None:
    """What a run leaves in the journal of each fileset: the digests of its files."""
    journal = Journal(intake.results / JOURNAL)
    for fileset, files in files_of(intake).items():
        digested = [{"digests": digest_file(path, ["BLAKE3"]).digests} for path, _, _ in files]
        journal.append(fileset, "checksum", "done", record={"files": digested})


def test_a_large_file_that_is_only_touched_is_known_by_what_its_run_recorded(box: Box) -> None:
    content = os.urandom(3 << 20)
    path = box.write("ada/a.tif", content)
    box.settle()
    (intake,) = box.intakes
    run_of(intake)
    os.utime(path, ns=(1, 1))
    assert box.settle().filesets == 0
    assert box.scan().known == 1
    assert box.way_in.prepare(intake)  # its row stays, should the run have failed later
    (box.folder / "intakes/drop.sqlite").unlink()
    assert box.settle().filesets == 0

    # One byte that no sample has, and the size as it was.
    path.write_bytes(content[:100_000] + b"\0\1" + content[100_002:])
    assert box.settle().filesets == 1
    assert not box.way_in.prepare(intake)


def test_a_large_file_that_is_touched_before_any_run_is_imported_once(box: Box) -> None:
    path = box.write("ada/a.tif", os.urandom(3 << 20))
    (first,) = box.settle().intakes
    path.touch()
    (second,) = box.settle().intakes
    assert not box.way_in.prepare(first)
    assert box.way_in.prepare(second)
