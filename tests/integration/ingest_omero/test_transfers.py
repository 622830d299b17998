"""Every import transfer through a server, and what becomes of the sources of those that remove."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import omero.cmd
import pytest

from ingest.digests import digest_file
from ingest.fileset import Record, StageError
from ingest.omero import removal
from ingest.omero.fileset_graph import TRANSFER_NAMESPACE
from ingest.records import read_records, write_records
from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig, write_image

JAVA = "ome.formats.importer.transfers."
ANNOTATED = {
    "ln_s": JAVA + "SymlinkFileTransfer",
    "ln": JAVA + "HardlinkFileTransfer",
    "ln_rm": JAVA + "MoveFileTransfer",
    "cp": JAVA + "CopyFileTransfer",
    "cp_rm": JAVA + "CopyMoveFileTransfer",
    "upload": None,
    "upload_rm": JAVA + "UploadRmFileTransfer",
}
REMOVING = ["ln_rm", "cp_rm", "upload_rm"]


def in_repository(record: Record) -> dict[str, Path]:
    return {name: Path(path) for name, path in record.facts["repository_files"].items()}


def two_files(rig: Rig, transfer: str, name: str = "row") -> list[Path]:
    sources = [write_image(rig.folder / name / f"{number}.tif", number) for number in (1, 2)]
    rig.add(name, sources, import_transfer=transfer)
    return sources


def transfer_annotations(rig: Rig, record: Record) -> list[str]:
    rows = rig.omero.rows(
        "select a.textValue from FilesetAnnotationLink l join l.child a "
        "where a.ns = :ns and l.parent.id = :id",
        ns=TRANSFER_NAMESPACE,
        id=record.facts["fileset_id"],
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("transfer", ANNOTATED)
def test_every_transfer_lands_the_bytes_and_says_its_name(rig: Rig, transfer: str) -> None:
    sources = two_files(rig, transfer)
    content = {source.name: source.read_bytes() for source in sources}
    record = rig.import_all()["row"]
    assert record.status == "ok", record.cause
    stored = in_repository(record)
    assert {name: path.read_bytes() for name, path in stored.items()} == content
    assert [source.exists() for source in sources] == [transfer not in REMOVING] * 2
    assert sources[0].parent.is_dir()
    assert transfer_annotations(rig, record) == list(filter(None, [ANNOTATED[transfer]]))
    assert all(path.is_symlink() == (transfer == "ln_s") for path in stored.values())
    links = {"ln": 2}.get(transfer, 1)
    assert all(path.stat().st_nlink == links for path in stored.values())
    removed = rig.context.journal.removed("row")
    assert removed == {str(s) for s in sources if transfer in REMOVING}


@pytest.mark.parametrize("transfer", ["ln_s", "ln", "cp", "upload"])
def test_what_omero_notes_of_many_files(rig: Rig, transfer: str) -> None:
    sources = [write_image(rig.folder / "many" / "image.tif")]
    for number in range(70):
        sources.append(rig.folder / "many" / f"{number % 3}" / f"{number}.dat")
        sources[-1].parent.mkdir(exist_ok=True)
        sources[-1].write_bytes(b"#" * (number + 1))
    rig.add("row", sources, import_transfer=transfer)
    record = rig.import_all()["row"]
    assert record.status == "ok", record.cause
    noted = rig.omero.rows(
        "select o.name, o.size, o.mtime, o.hash, h.value from FilesetEntry e "
        "join e.originalFile o join o.hasher h where e.fileset.id = :id order by e.id",
        id=record.facts["fileset_id"],
    )
    copied = transfer == "upload"
    assert [[*row[:2], copied or row[2], *row[3:]] for row in noted] == [
        [
            source.name,
            source.stat().st_size,
            copied or source.stat().st_mtime_ns // 1_000_000,
            digest_file(source, ["Murmur3-128"]).digests["Murmur3-128"],
            "Murmur3-128",
        ]
        for source in sources
    ]


@pytest.mark.parametrize("transfer", REMOVING)
def test_a_rerun_has_nothing_to_do_and_removes_nothing_that_was_put_there_since(
    rig: Rig, transfer: str
) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    rig.targets()
    first = rig.run(importing.STAGE, upstream)["row"]
    assert rig.run(importing.STAGE, upstream)["row"] == first
    # From a backup, or from who did not know: the same bytes, of an inode and time of their own.
    for source in sources:
        source.write_bytes(in_repository(first)[source.name].read_bytes())
    again = rig.import_all()["row"]
    assert (again.status, again.facts) == ("ok", first.facts)
    assert all(source.exists() for source in sources)
    write_image(sources[1], 9)
    other = rig.import_all()["row"]
    assert other.status == "error"
    assert "imported already" in other.cause
    assert "from other files" in other.cause
    # Its files are nowhere else any more.
    assert f"do not delete Fileset:{first.facts['fileset_id']}" in other.remedy
    assert all(source.exists() for source in sources)
    assert len(rig.filesets_of(sources[0])) == 1


@pytest.mark.parametrize("transfer", REMOVING)
def test_an_import_that_fails_removes_nothing(rig: Rig, transfer: str) -> None:
    source = rig.folder / "broken.tif"
    source.write_bytes(os.urandom(300))
    rig.add("row", [source], import_transfer=transfer)
    record = rig.import_all()["row"]
    assert record.status == "error"
    assert source.stat().st_nlink == 1
    assert rig.copies_of(source) == []
    assert rig.filesets_of(source) == []
    assert rig.context.journal.removed("row") == frozenset()


@pytest.mark.parametrize("transfer", REMOVING)
def test_a_digest_that_is_not_the_files_removes_nothing(rig: Rig, transfer: str) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    record = read_records(upstream)["row"]
    wrong = replace(record.files[0], digests={**record.files[0].digests, "Murmur3-128": "0" * 32})
    write_records(upstream, [replace(record, files=(wrong, record.files[1]))])
    rig.targets()
    assert rig.run(importing.STAGE, upstream)["row"].status == "error"
    assert [source.stat().st_nlink for source in sources] == [1, 1]
    assert rig.filesets_of(sources[0]) == []


def rot(stored: Path) -> None:
    """Changes a stored file behind everybody's back; its links have the bytes no more either."""
    found = stored.stat()
    stored.chmod(0o644)
    with stored.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(stored, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("transfer", REMOVING)
@pytest.mark.parametrize("exclusion", ["clientpath", "filename"])
def test_what_is_in_omero_already_is_not_removed(rig: Rig, transfer: str, exclusion: str) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("first", [source], import_transfer="cp")
    rig.import_all()
    rig.add("second", [source], import_transfer=transfer, exclude=(exclusion,))
    record = rig.import_all()["second"]
    assert (record.status, source.exists()) == ("notneeded", True)
    assert rig.context.journal.removed("second") == frozenset()


@pytest.mark.parametrize("transfer", REMOVING)
def test_an_import_that_is_not_waited_for_is_removed_by_the_run_that_finds_it_done(
    rig: Rig, transfer: str
) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    rig.targets()
    rig.options["import"] = {"wait": "no"}
    rig.context.config = rig.config
    record = rig.run(importing.STAGE, upstream)["row"]
    assert record.status == "unfinished"
    assert all(source.exists() for source in sources)
    assert rig.context.journal.removed("row") == frozenset()
    rig.options["import"] = {"wait": 5}
    rig.context.config = rig.config
    record = rig.run(importing.STAGE, upstream)["row"]
    assert record.status == "ok", record.cause
    assert not any(source.exists() for source in sources)
    assert len(rig.filesets_of(sources[0])) == 1


@pytest.mark.parametrize("transfer", REMOVING)
def test_stored_bytes_that_are_not_the_sources_keep_them(
    rig: Rig, transfer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, transfer)
    real_import = importing.import_fileset

    def rotting(*arguments: object, **named: object) -> object:
        outcome = real_import(*arguments, **named)  # type: ignore[arg-type]
        rot(Path(outcome.repository_files["2.tif"]))
        return outcome

    monkeypatch.setattr(importing, "import_fileset", rotting)
    record = rig.import_all()["row"]
    assert record.status == "error"
    assert "2.tif" in record.cause
    assert "does not hold the bytes" in record.cause
    assert "No source was removed" in record.remedy
    assert all(source.exists() for source in sources)
    assert rig.context.journal.removed("row") == frozenset()
    monkeypatch.undo()
    # Taken over, and still not the bytes.
    assert rig.import_all()["row"].status == "error"
    assert all(source.exists() for source in sources)
    assert len(rig.filesets_of(sources[0])) == 1


@pytest.mark.parametrize("transfer", REMOVING)
def test_a_removal_that_was_cut_short_is_finished_by_the_next_run(
    rig: Rig, transfer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    rig.targets()
    remove = removal._remove

    def once(file: object, *others: object) -> None:
        if str(sources[1]) == file.path:  # type: ignore[attr-defined]
            raise StageError("the disk is busy", "wait")
        remove(file, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(removal, "_remove", once)
    assert rig.run(importing.STAGE, upstream)["row"].status == "error"
    assert [source.exists() for source in sources] == [False, True]
    monkeypatch.undo()
    record = rig.run(importing.STAGE, upstream)["row"]
    assert record.status == "ok", record.cause
    assert [source.exists() for source in sources] == [False, False]
    assert (
        rig.count("select e.id from FilesetEntry e where e.clientPath = :p", p=str(sources[0])[1:])
        == 1
    )
    assert all(path.is_file() for path in in_repository(record).values())


@pytest.mark.parametrize("transfer", REMOVING)
def test_a_fileset_deleted_in_omero_after_its_sources_were_removed(rig: Rig, transfer: str) -> None:
    sources = two_files(rig, transfer)
    upstream = rig.checksum()
    rig.targets()
    record = rig.run(importing.STAGE, upstream)["row"]
    rig.omero.submit(omero.cmd.Delete2({"Fileset": [record.facts["fileset_id"]]}))
    again = rig.run(importing.STAGE, upstream)["row"]
    assert again.status == "error"
    assert str(sources[0]) in again.cause
    assert "OMERO does not have that fileset any more" in again.cause
    assert "backup" in again.remedy


@pytest.mark.parametrize("transfer", REMOVING)
def test_what_cannot_be_removed_is_seen_before_anything_is_made(rig: Rig, transfer: str) -> None:
    real = write_image(rig.folder / "real" / "a.tif")
    link = rig.folder / "link.tif"
    link.symlink_to(real)
    rig.add("row", [link], import_transfer=transfer)
    before = rig.count("select f.id from Fileset f")
    record = rig.import_all()["row"]
    assert record.status == "error"
    assert "symbolic link" in record.cause
    assert rig.count("select f.id from Fileset f") == before
    assert (real.exists(), link.is_symlink()) == (True, True)


@pytest.mark.parametrize("transfer", REMOVING)
def test_what_another_fileset_is_links_to_is_not_removed(rig: Rig, transfer: str) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("linked", [source], import_transfer="ln_s")
    linked = rig.import_all()["linked"]
    rig.add("row", [source], import_transfer=transfer)
    record = rig.import_all()["row"]
    assert record.status == "error"
    assert f"Fileset:{linked.facts['fileset_id']} was imported by links" in record.cause
    assert len(rig.filesets_of(source)) == 1
    assert source.exists()


def test_files_of_the_repository_itself_are_not_removed(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("first", [source], import_transfer="cp")
    (stored,) = in_repository(rig.import_all()["first"]).values()
    rig.add("second", [stored], import_transfer="ln_rm")
    record = rig.import_all()["second"]
    assert record.status == "error"
    assert "managed repository" in record.cause
    assert stored.exists()


@pytest.mark.parametrize("transfer", ["ln", "ln_rm"])
def test_a_repository_on_another_file_system_is_seen_before_anything_is_made(
    rig: Rig, transfer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = two_files(rig, transfer)
    elsewhere = rig.folder / "elsewhere"
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        found = real(path, **options)
        if path != sources[1]:
            return found
        return os.stat_result(
            (*found[:2], found.st_dev + 1, *found[3:10]), {"st_mtime_ns": found.st_mtime_ns}
        )

    elsewhere.mkdir()
    before = rig.count("select f.id from Fileset f")
    monkeypatch.setattr("ingest.hardlinks.Path.stat", stat)
    record = rig.import_all()["row"]
    monkeypatch.undo()
    assert record.status == "error"
    assert f"no hard link of {sources[1]} can be made" in record.cause
    assert "another file system" in record.cause
    assert "cp or ln_s" in record.remedy
    assert rig.count("select f.id from Fileset f") == before
    assert all(source.stat().st_nlink == 1 for source in sources)
