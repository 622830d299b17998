"""Sources: readable, safe from others, and where they will stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.config import load
from ingest.doctor import sources
from ingest.doctor.findings import Finding
from ingest.doctor.mounts import read_mounts
from ingest.doctor.people import Account
from ingest.doctor.rows import Row, files_of
from ingest.fileset import Fileset
from tests.unit.ingest.doctor.places import (
    OMERO,
    US,
    as_account,
    faults,
    file,
    folder,
    row,
    statuses,
)

SERVER = Account(OMERO, frozenset({OMERO}))
IMPORTER = Account(US, frozenset({US}))


def test_source_that_we_cannot_read(shared: Path) -> None:
    closed = file(shared / "a.tif", mode=0o600)
    (fault,) = faults(as_account(lambda: sources.readable([row(closed)])))
    assert str(closed) in fault
    assert statuses(sources.readable([row(closed)])) == {"ok"}  # as root


def test_source_that_omero_cannot_read(shared: Path) -> None:
    closed = file(shared / "a.tif", US, US, 0o640)
    (fault,) = faults(sources.readable_by_omero([row(closed)], SERVER))
    assert str(closed) in fault and f"user {OMERO}" in fault


def test_source_in_a_folder_that_omero_cannot_search(shared: Path) -> None:
    inside = file(folder(shared / "lab", US, US, 0o750) / "a.tif", US, US)
    assert faults(sources.readable_by_omero([row(inside)], SERVER))
    assert statuses(sources.readable_by_omero([row(inside, import_transfer="upload")], SERVER)) == (
        set()
    )


def test_source_that_omero_can_read_through_its_group(shared: Path) -> None:
    open_ = file(shared / "a.tif", US, OMERO, 0o640)
    assert statuses(sources.readable_by_omero([row(open_)], SERVER)) == {"ok"}


def test_folder_that_we_cannot_list(shared: Path) -> None:
    whole = folder(shared / "plate")
    folder(whole / "closed", mode=0o700)
    file(whole / "open.tif")

    def look() -> Iterator[Finding]:
        fileset = Fileset("a", 2, str(whole))
        yield from sources.readable([Row(fileset, files_of(fileset), 0)])

    (fault,) = faults(as_account(look))
    assert str(whole / "closed") in fault


def test_source_inside_the_repository(shared: Path) -> None:
    repository = folder(shared / "repository")
    own = file(repository / "a.tif")
    (fault,) = faults(sources.not_in_repository([row(own)], repository))
    assert str(own) in fault
    assert not list(sources.not_in_repository([row(own, import_transfer="cp")], repository))
    assert not list(sources.not_in_repository([row(file(shared / "b.tif"))], repository))


def test_source_that_everybody_may_change(shared: Path) -> None:
    unsafe = file(shared / "a.tif", US, US, 0o666)
    (fault,) = faults(sources.not_writable([row(unsafe)], SERVER, IMPORTER))
    assert "everybody" in fault and str(unsafe) in fault
    assert faults(sources.not_writable([row(unsafe)], None, IMPORTER))


def test_source_in_a_folder_that_everybody_may_change(shared: Path) -> None:
    removable = file(folder(shared / "drop", US, US, 0o777) / "a.tif", US, US)
    assert faults(sources.not_writable([row(removable)], SERVER, IMPORTER))
    (shared / "drop").chmod(0o1777)  # sticky: only owners remove
    assert not faults(sources.not_writable([row(removable)], SERVER, IMPORTER))


def test_source_that_omero_may_change(shared: Path) -> None:
    by_group = file(shared / "a.tif", US, OMERO, 0o664)
    (found,) = sources.not_writable([row(by_group)], SERVER, IMPORTER)
    assert found.status == "warn" and str(by_group) in found.finding
    theirs = file(shared / "b.tif", OMERO, OMERO, 0o444)  # an owner may make it writable
    assert statuses(sources.not_writable([row(theirs)], SERVER, IMPORTER)) == {"warn"}
    safe = file(shared / "c.tif", US, US, 0o644)
    assert statuses(sources.not_writable([row(safe)], SERVER, IMPORTER)) == {"ok"}


def test_files_of_uploads_may_be_whose_they_are(shared: Path) -> None:
    unsafe = file(shared / "a.tif", mode=0o666)
    assert not list(sources.not_writable([row(unsafe, import_transfer="cp")], SERVER, IMPORTER))


def test_sources_on_temporary_storage(in_memory: Path, tmp_path: Path) -> None:
    config, mounts = load({}), read_mounts()

    def stay(path: Path, *patterns: str, **columns: str) -> list[str]:
        return faults(sources.stay([row(path, **columns)], config, mounts, patterns))

    passing = file(in_memory / "a.tif")
    (fault,) = stay(passing)
    assert "temporary storage" in fault and str(passing) in fault
    assert not stay(passing, import_transfer="cp")
    scratch = file(folder(tmp_path / "Scratch_2") / "a.tif")
    assert stay(scratch) == []
    assert "called like *scratch*" in "".join(stay(scratch, "*scratch*"))
    assert "below /tmp" in "".join(stay(Path("/tmp"), *config.doctor.temporary))


def test_folders_that_a_site_calls_temporary(shared: Path) -> None:
    config, mounts = load({"doctor": {"temporary": [str(shared)]}}), read_mounts()
    kept = file(shared / "a.tif")
    found = list(sources.stay([row(kept)], config, mounts, config.doctor.temporary))
    assert faults(found)
    assert statuses(sources.stay([row(kept)], config, mounts, ())) == {"ok"}


def test_store_on_temporary_storage(shared: Path, in_memory: Path) -> None:
    config = load({"transfer": {"store": str(in_memory / "store")}})
    source = file(shared / "a.tif")
    (fault,) = faults(sources.stay([row(source, transfer="cp")], config, read_mounts(), ()))
    assert "transfer.store" in fault
