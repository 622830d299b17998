"""transfer lands filesets in the store: whole, verified, once, and without a loss on the way."""

import os
import resource
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.context import Context
from ingest.fileset import Fileset, Record, SourceFile, StageError
from ingest.source_errors import SourceChanged
from ingest.stages import checksum, transfer
from ingest.stages.transfer import STAGE
from tests.unit.ingest.landing import NAMES, World, check_landed


@pytest.mark.parametrize("mode", ["ln", "cp", "ln_s", "mv"])
def test_landing(world: World, mode: str) -> None:
    check_landed(world, mode, world.run(mode))


def test_none_hands_the_files_on_as_they_are(world: World) -> None:
    record = world.run("none")
    assert record.status == "notneeded"
    assert record.files == world.upstream.files
    assert not world.store.exists()
    assert STAGE.still_holds(world.row("none"), record, world.context)


@pytest.mark.parametrize("mode", ["ln", "cp", "ln_s", "mv"])
def test_twice_is_as_good_as_once(world: World, mode: str) -> None:
    first = world.run(mode)
    assert world.run(mode) == first
    check_landed(world, mode, first)


@pytest.mark.parametrize("mode", ["none", "ln", "cp", "ln_s", "mv"])
def test_a_source_that_changed_after_its_checksum_goes_nowhere(world: World, mode: str) -> None:
    os.utime(world.folder / "c d.tif", ns=(5, 5))
    with pytest.raises(SourceChanged, match=r"c d\.tif"):
        world.run(mode)
    assert world.stored() == []
    assert world.sources() == sorted(NAMES)


@pytest.mark.parametrize("mode", ["ln", "cp", "ln_s", "mv"])
def test_another_file_under_the_name_is_never_overwritten(world: World, mode: str) -> None:
    other = world.store / "c d.tif"
    other.parent.mkdir(parents=True)
    other.write_text("C D.TIF")
    with pytest.raises(StageError, match="exists already") as caught:
        world.run(mode)
    assert str(other) in caught.value.cause
    assert other.read_text() == "C D.TIF"
    assert world.stored() == ["c d.tif"]
    assert world.sources() == sorted(NAMES)


def test_a_link_to_the_source_is_no_copy(world: World) -> None:
    world.run("ln")
    with pytest.raises(StageError, match="not what the transfer cp makes"):
        world.run("cp")


@pytest.mark.parametrize("mode", ["ln", "cp", "mv"])
def test_a_symbolic_link_is_no_file(world: World, mode: str) -> None:
    world.run("ln_s")
    with pytest.raises(StageError, match="exists already"):
        world.run(mode)
    assert world.sources() == sorted(NAMES)


def test_a_copy_of_the_right_bytes_is_accepted_and_one_of_others_is_not(world: World) -> None:
    world.run("cp")
    world.run("ln")
    copy = world.store / "b.tif"
    copy.chmod(0o644)
    copy.write_text("B.tif")
    with pytest.raises(StageError, match="exists already"):
        world.run("cp")


@pytest.mark.parametrize("mode", ["cp", "mv"])
def test_bytes_are_compared_even_when_the_checksums_are_sizes(
    world: World, make_context: Callable[..., Context], mode: str
) -> None:
    context = make_context(checksum={"archive": "none"})
    sizes = replace(world.row(mode), checksum_algorithm="File-Size-64")
    upstream = checksum.STAGE.run(sizes, world.upstream, context)
    assert list(upstream.files[0].digests) == ["File-Size-64"]
    world.store.mkdir(parents=True)
    (world.store / "b.tif").write_text("B.tif")
    with pytest.raises(StageError, match="exists already"):
        STAGE.run(world.row(mode), upstream, context)
    (world.store / "b.tif").write_text("b.tif")
    STAGE.run(world.row(mode), upstream, context)
    assert world.stored() == sorted(NAMES)


@pytest.mark.parametrize("mode", ["ln", "cp", "ln_s", "mv"])
def test_files_that_lie_in_the_store_already(world: World, mode: str) -> None:
    world.store.parent.mkdir()
    world.store.symlink_to(world.folder)
    with pytest.raises(StageError, match="lies in the store already"):
        world.run(mode)
    assert world.sources() == sorted(NAMES)


def test_the_last_name_of_a_file_is_not_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a bind mount would show it: another path, and yet not another link.
    world.store.parent.mkdir()
    world.store.symlink_to(world.folder)
    monkeypatch.setattr(transfer, "_entry", str)
    with pytest.raises(StageError, match="one and the same"):
        world.run("mv")
    assert world.sources() == sorted(NAMES)
    assert world.context.journal.events("a") == []


def test_there_must_be_a_store(world: World, make_context: Callable[..., Context]) -> None:
    world.context = make_context(transfer={})
    with pytest.raises(StageError, match="no store") as caught:
        world.run("cp")
    assert "transfer.store" in caught.value.remedy


def test_links_to_sources_are_followed_or_kept_as_they_should_be(
    world: World, source_record: Callable[..., Record]
) -> None:
    link = world.folder / "link.tif"
    link.symlink_to(world.folder / "b.tif")
    world.upstream = checksum.STAGE.run(
        world.row("ln"), source_record("a", world.folder, link), world.context
    )
    stored = world.store / "link.tif"
    with pytest.raises(StageError, match="symbolic link"):
        world.run("mv")
    world.run("ln")
    assert stored.lstat().st_ino == (world.folder / "b.tif").stat().st_ino
    stored.unlink()
    world.run("cp")
    assert stat.S_ISREG(stored.lstat().st_mode)
    stored.unlink()
    world.run("ln_s")
    assert stored.readlink() == link


def test_a_hard_link_to_another_file_system_is_refused_before_anything_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        transfer, "link_obstacle", lambda path, folder: "x" if "e.tif" in path else ""
    )
    with pytest.raises(StageError, match=r"e\.tif can be made: x") as caught:
        world.run("ln")
    assert "cp or ln_s" in caught.value.remedy
    assert not world.store.parent.exists()


@pytest.mark.parametrize("foreseen", [True, False])
def test_mv_copies_where_it_cannot_link(
    world: World, monkeypatch: pytest.MonkeyPatch, foreseen: bool
) -> None:
    no_links(monkeypatch, foreseen)
    record = world.run("mv")
    assert world.sources() == []
    assert [Path(file.path).read_text() for file in record.files] == ["b.tif", "c d.tif", "e.tif"]
    for before, after in zip(world.upstream.files, record.files, strict=True):
        assert before.inode != after.inode
        assert Path(after.path).stat().st_mode & 0o222 == 0


def no_links(monkeypatch: pytest.MonkeyPatch, foreseen: bool) -> None:
    def fail(*_paths: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    if foreseen:
        monkeypatch.setattr(transfer, "link_obstacle", lambda path, folder: "too far")
    monkeypatch.setattr(os, "link", fail)


def test_ln_says_why_a_link_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    no_links(monkeypatch, foreseen=False)
    with pytest.raises(StageError, match="Invalid cross-device link"):
        world.run("ln")


@pytest.mark.parametrize("mode", ["ln", "mv"])
def test_links_are_taken_back_when_another_cannot_be_made(
    world: World, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    world.context.threads = 1
    link = os.link

    def fail(source: str, destination: Path) -> None:
        if str(source).endswith("e.tif"):
            raise OSError(5, "Input/output error")
        link(source, destination)

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(StageError, match=r"e\.tif could not be written: Input/output error"):
        world.run(mode)
    monkeypatch.undo()
    assert world.stored() == []
    assert world.sources() == sorted(NAMES)
    check_landed(world, "cp", world.run("cp"))


def test_space_is_looked_for_before_anything_is_copied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.store).mkdir(parents=True)
    (world.store / "b.tif").write_text("b.tif")
    free = 11  # one byte less than the other two need
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(StageError, match=r"12 bytes are to be copied .* 11 bytes are free"):
        world.run("cp")
    assert world.stored() == ["b.tif"]
    world.run("ln")


@pytest.mark.parametrize("mode", ["cp", "mv"])
def test_a_disk_that_fills_in_the_middle_of_a_file(
    world: World, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(transfer, "link_obstacle", lambda path, folder: "too far")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, hard))  # of five bytes that each file has
    try:
        with pytest.raises(StageError, match="could not be written: File too large") as caught:
            world.run(mode)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Free space" in caught.value.remedy
    assert world.stored() == []
    assert world.sources() == sorted(NAMES)
    world.run(mode)
    assert world.stored() == sorted(NAMES)


def test_mv_needs_to_remove_before_it_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(StageError, match="may not be removed"):
        world.run("mv")
    assert not world.store.exists()


def test_nothing_is_removed_unless_all_is_verified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def land(files: Sequence[tuple[SourceFile, Path]], advance: object) -> None:
        for file, destination in files:
            if file.name == "sub/e.tif":
                raise StageError("bad disk", "buy another")
            shutil.copy2(file.path, destination.parent)

    no_links(monkeypatch, foreseen=True)
    world.store.mkdir(parents=True)
    monkeypatch.setattr(transfer, "copy_several", land)
    with pytest.raises(StageError, match="bad disk"):
        world.run("mv")
    assert world.sources() == sorted(NAMES)
    assert world.context.journal.removed("a") == frozenset()


def test_what_was_moved_and_then_lost_is_an_error(world: World) -> None:
    world.run("mv")
    (world.store / "b.tif").unlink()
    with pytest.raises(StageError, match="not there any more"):
        world.run("mv")


@pytest.mark.parametrize("mode", ["ln", "cp", "ln_s", "mv"])
def test_a_stored_file_that_changes_or_goes_does_not_hold(world: World, mode: str) -> None:
    record = world.run(mode)
    os.utime(record.files[1].path, ns=(5, 5))
    assert not STAGE.still_holds(world.row(mode), record, world.context)
    Path(record.files[1].path).unlink()
    assert not STAGE.still_holds(world.row(mode), record, world.context)


def test_earlier_stages_still_hold_after_a_move(world: World) -> None:
    world.run("mv")
    assert checksum.STAGE.still_holds(world.row("mv"), world.upstream, world.context)


def journal_a_transfer(world: World, mode: str) -> Record:
    record = world.run(mode)
    world.context.journal.append("a", "transfer", "done", record=record.to_json())
    world.context.journal.append("a", "import", "intent", import_id="first")
    return record


def repair(world: World, name: str) -> Path:
    """Replaces a source, as somebody who repairs it does, and hashes it anew."""
    source = world.folder / name
    source.unlink()
    source.write_text("repaired " + name)
    files = []
    for file in world.upstream.files:
        found = Path(file.path).stat()
        files.append(
            replace(
                file,
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                inode=found.st_ino,
                digests={},
            )
        )
    record = replace(world.upstream, files=tuple(files))
    world.upstream = checksum.STAGE.run(Fileset("a", 2, str(world.folder)), record, world.context)
    return source


@pytest.mark.parametrize("mode", ["ln", "cp"])
def test_a_repaired_source_replaces_what_a_removed_import_had(world: World, mode: str) -> None:
    journal_a_transfer(world, mode)
    world.context.journal.append("a", "import", "failed", removed_import="first")
    source = repair(world, "b.tif")

    world.run(mode)

    assert (world.store / "b.tif").read_text() == source.read_text() == "repaired b.tif"
    (kept,) = (world.store.parent / ".superseded" / "a").rglob("*.tif")
    assert kept.read_text() == "b.tif"
    assert world.stored() == sorted(NAMES)


@pytest.mark.parametrize("mode", ["ln", "cp"])
def test_a_stored_file_that_omero_may_use_is_not_set_aside(world: World, mode: str) -> None:
    journal_a_transfer(world, mode)
    repair(world, "b.tif")
    with pytest.raises(StageError, match="exists already"):
        world.run(mode)
    assert (world.store / "b.tif").read_text() == "b.tif"


def test_a_stored_file_that_somebody_changed_is_not_set_aside(world: World) -> None:
    journal_a_transfer(world, "cp")
    world.context.journal.append("a", "import", "failed", removed_import="first")
    repair(world, "b.tif")
    (world.store / "b.tif").chmod(0o644)
    (world.store / "b.tif").write_text("by somebody")
    with pytest.raises(StageError, match="exists already"):
        world.run("cp")
    assert (world.store / "b.tif").read_text() == "by somebody"


@pytest.mark.parametrize(("before", "now"), [("none", "mv"), ("none", "cp"), ("cp", "none")])
def test_the_files_of_an_imported_row_stay_where_omero_links_to(
    world: World, before: str, now: str
) -> None:
    journal_a_transfer(world, before)
    stored = world.stored()
    with pytest.raises(StageError, match="imported already, from"):
        world.run(now)
    assert world.stored() == stored
    assert world.sources() == sorted(NAMES)
    world.run(before)
    world.context.journal.append("a", "import", "failed", removed_import="first")
    assert world.run(now).succeeded
