"""transfer.protect: what OMERO relies on can be written to by nobody any more."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest import protection
from ingest.context import Context
from ingest.fileset import Fileset, StageError
from ingest.stages.transfer import STAGE
from tests.unit.ingest.landing import NAMES, World

PROTECTS = {"mv", "ln", "ln_s", "cp", "none"}


@pytest.fixture
def protecting(world: World, make_context: Callable[..., Context], tmp_path: Path) -> World:
    world.context = make_context(transfer={"store": str(tmp_path / "store"), "protect": True})
    return world


def modes(folder: Path) -> set[int]:
    return {
        stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
        if path.exists() and not path.is_dir()
    }


def protected(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for event in world.context.journal.events("a"):
        found |= event.get("protects", {})
    return found


@pytest.mark.parametrize("mode", sorted(PROTECTS))
def test_what_omero_relies_on_is_read_only(protecting: World, mode: str) -> None:
    times = {file.path: file.mtime_ns for file in protecting.upstream.files}

    record = protecting.run(mode)

    assert all(stat.S_IMODE(Path(f.path).stat().st_mode) == 0o444 for f in record.files)
    # A copy has a mode of its own; the source of one is nobody's business.
    assert modes(protecting.folder) == {"cp": {0o644}, "mv": set()}.get(mode, {0o444})
    if mode != "mv":
        assert {path: Path(path).stat().st_mtime_ns for path in times} == times
    assert set(protected(protecting).values()) == (set() if mode == "cp" else {0o644})
    assert STAGE.still_holds(protecting.row(mode), record, protecting.context)
    assert protecting.run(mode) == record


@pytest.mark.parametrize("mode", sorted(PROTECTS))
def test_unasked_no_source_loses_a_right(world: World, mode: str) -> None:
    world.run(mode)
    kept = world.store if mode == "mv" else world.folder
    assert modes(kept) == {0o644}
    assert protected(world) == {}


def test_a_killed_protection_is_finished_and_the_first_modes_are_kept(
    protecting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, fchmod = [], os.fchmod

    def dying(descriptor: int, mode: int) -> None:
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(descriptor)
        fchmod(descriptor, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fchmod", dying)
        with pytest.raises(KeyboardInterrupt):
            protecting.run("ln")
    assert modes(protecting.folder) == {0o444, 0o644}

    protecting.run("ln")

    assert modes(protecting.folder) == {0o444}
    assert protected(protecting) == {str(protecting.store / name): 0o644 for name in NAMES}


def test_folders_of_the_store_are_their_owners_alone(protecting: World) -> None:
    for folder in (protecting.folder, protecting.folder / "sub"):
        folder.chmod(0o777)
    before = os.umask(0o002)
    try:
        protecting.run("ln")
    finally:
        os.umask(before)

    for folder in (protecting.store, protecting.store / "sub"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE(protecting.store.parent.stat().st_mode) == 0o775
    assert stat.S_IMODE(protecting.folder.stat().st_mode) == 0o777  # new files may come


def test_a_link_is_never_followed(protecting: World, make_context: Callable[..., Context]) -> None:
    source = protecting.folder / NAMES[0]
    outside = protecting.folder.parent / "outside.tif"
    source.rename(outside)
    source.symlink_to(outside)

    for mode in ("none", "ln", "ln_s"):
        with pytest.raises(StageError, match="is a symbolic link") as caught:
            protecting.run(mode)
        assert "transfer.protect" in caught.value.remedy
        assert not protecting.store.exists()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_file_that_took_the_place_of_another_is_left_alone(protecting: World) -> None:
    record = protecting.run("cp")
    (file, *_) = record.files
    other = protecting.folder.parent / "other"
    other.write_text("other")
    Path(file.path).unlink()
    other.rename(file.path)

    with pytest.raises(StageError, match="is not the file any more"):
        protection.protect(protecting.row("cp"), protecting.upstream.files, record.files,
                           protecting.context)  # fmt: skip
    assert stat.S_IMODE(Path(file.path).stat().st_mode) == 0o644


def test_files_of_others_are_refused_before_anything_is_made(
    protecting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for mode in ("none", "ln", "ln_s", "mv"):
        with pytest.raises(StageError, match="belongs to another user") as caught:
            protecting.run(mode)
        assert "chmod a-w" in caught.value.remedy
    assert not protecting.store.exists()
    for name in NAMES:  # its owner did as we said
        (protecting.folder / name).chmod(0o444)
    assert protecting.run("none").status == "notneeded"


def test_a_row_whose_sources_are_removed_is_not_protected(protecting: World) -> None:
    row = Fileset("a", 2, str(protecting.folder), import_transfer="cp_rm")
    STAGE.run(row, protecting.upstream, protecting.context)
    assert modes(protecting.folder) == {0o644}


def test_asking_for_it_later_changes_the_key_of_the_stage(
    make_context: Callable[..., Context], tmp_path: Path
) -> None:
    store: dict[str, Any] = {"store": str(tmp_path / "store")}
    plain = STAGE.settings(make_context(transfer=store).config)
    assert plain == STAGE.settings(make_context(transfer={**store, "protect": False}).config)
    assert plain != STAGE.settings(make_context(transfer={**store, "protect": True}).config)
