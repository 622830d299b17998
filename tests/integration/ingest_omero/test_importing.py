from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from omero.rtypes import unwrap

from ingest.fileset import Record
from ingest.omero import queries
from ingest.omero.cleanup import remove_fileset
from ingest.omero.repository import open_repository
from ingest.omero.thumbnails import fetch_thumbnails
from ingest.records import read_records, write_records
from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig, write_image

PLATE = "p&plates=1&plateAcqs=1&plateRows=2&plateCols=2&fields=1&sizeX=16&sizeY=16.fake"


def in_repository(record: Record) -> list[Path]:
    return [Path(path) for path in record.facts["repository_files"].values()]


def state_of(path: Path) -> tuple[bytes, int, int]:
    found = path.stat()
    return path.read_bytes(), found.st_mtime_ns, found.st_mode


@pytest.mark.parametrize("transfer", ["ln_s", "ln", "cp", "upload"])
def test_every_transfer(rig: Rig, transfer: str) -> None:
    source = write_image(rig.folder / "a.tif")
    before = state_of(source)
    rig.add(f"t-{transfer}", [source], target="Dataset:name:T", import_transfer=transfer)
    record = rig.import_all()[f"t-{transfer}"]
    assert record.status == "ok", record.cause
    (stored,) = in_repository(record)
    assert stored.is_relative_to(rig.server.repository)
    assert stored.read_bytes() == before[0]
    same_file = stored.samefile(source)
    expected = {"ln_s": (True, True), "ln": (False, True)}.get(transfer, (False, False))
    assert (stored.is_symlink(), same_file) == expected
    assert state_of(source) == before
    assert len(record.facts["image_ids"]) == 1
    assert record.facts["server_digests"] == {"a.tif": record.files[0].digests["Murmur3-128"]}
    linked = rig.omero.rows(
        "select l.parent.name from DatasetImageLink l where l.child.id = :id",
        id=record.facts["image_ids"][0],
    )
    assert linked == [["T"]]


@pytest.mark.parametrize("size", [0, 36])
def test_sizes_that_the_probe_could_be_mistaken_for(rig: Rig, size: int) -> None:
    source = rig.folder / "s&sizeX=8&sizeY=8.fake"
    source.write_bytes(b"#" * size)
    rig.add("sized", [source])
    record = rig.import_all()["sized"]
    assert record.status == "ok", record.cause


def test_names_with_spaces_and_letters_of_all_kinds(rig: Rig) -> None:
    source = write_image(rig.folder / "Größe µm 细胞" / "a: b?.tif")
    rig.add("names", [source], name="Größe 细胞", description="µm", target="Dataset:name:Zürich 细")
    record = rig.import_all()["names"]
    assert record.status == "ok", record.cause
    (entry,) = queries.entries(rig.omero, record.facts["fileset_id"])
    assert entry.client_path.endswith("Größe µm 细胞/a; b%.tif")
    assert record.facts["target"]["name"] == "Zürich 细"
    rows = rig.omero.rows(
        "select i.name, i.description from Image i where i.id = :id",
        id=record.facts["image_ids"][0],
    )
    assert rows[0][0].startswith("Größe 细胞")
    assert rows[0][1] == "µm"


def test_several_files_keep_their_folders(rig: Rig) -> None:
    paths = [
        write_image(rig.folder / "d" / name, seed)
        for seed, name in enumerate(["main.tif", "sub/b.tif", "sub/deep/c.tif"])
    ]
    rig.add("many", paths)
    record = rig.import_all()["many"]
    assert record.status == "ok", record.cause
    stored = record.facts["repository_files"]
    root = Path(stored["main.tif"]).parent
    assert stored == {name: str(root / name) for name in stored}
    assert list(record.facts["server_digests"]) == ["main.tif", "sub/b.tif", "sub/deep/c.tif"]


def test_a_plate_goes_into_a_screen(rig: Rig) -> None:
    source = rig.folder / PLATE
    source.touch()
    rig.add("plate", [source], target="Screen:name:S")
    record = rig.import_all()["plate"]
    assert record.status == "ok", record.cause
    (plate,) = record.facts["plate_ids"]
    assert len(record.facts["image_ids"]) == 4
    rows = rig.omero.rows(
        "select l.parent.name from ScreenPlateLink l where l.child.id = :id", id=plate
    )
    assert rows == [["S"]]


def test_what_is_no_plate_is_not_left_beside_a_screen(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("no-plate", [source], target="Screen:name:S")
    record = rig.import_all()["no-plate"]
    assert record.status == "error"
    assert "is not a plate" in record.cause
    assert rig.links_to(source) == []
    rig.change("no-plate", target="Dataset:name:D")
    assert rig.import_all()["no-plate"].status == "ok"


@pytest.mark.parametrize("transfer", ["ln_s", "ln", "cp", "upload"])
def test_a_corrupt_file_leaves_nothing_behind(rig: Rig, transfer: str) -> None:
    source = rig.folder / "broken.tif"
    source.write_bytes(os.urandom(300))
    good = write_image(rig.folder / "good.tif")
    rig.add("broken", [source], import_transfer=transfer)
    rig.add("good", [good])
    records = rig.import_all()
    assert records["good"].status == "ok"
    assert records["broken"].status == "error"
    assert "OMERO could not import" in records["broken"].cause
    assert str(source) in records["broken"].cause
    assert records["broken"].remedy
    assert rig.filesets_of(source) == []
    assert rig.links_to(source) == []
    assert rig.copies_of(source) == []
    assert source.stat().st_nlink == 1
    write_image(source, 5)
    repaired = rig.import_all()
    assert repaired["broken"].status == "ok", repaired["broken"].cause
    assert repaired["good"] == records["good"]


@pytest.mark.parametrize("transfer", ["ln_s", "upload"])
def test_a_digest_that_is_not_the_files_is_refused(rig: Rig, transfer: str) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("wrong", [source], import_transfer=transfer)
    upstream = rig.checksum()
    record = read_records(upstream)["wrong"]
    wrong = {**record.files[0].digests, "Murmur3-128": "0" * 32}
    write_records(upstream, [replace(record, files=(replace(record.files[0], digests=wrong),))])
    rig.targets()
    failed = rig.run(importing.STAGE, upstream)["wrong"]
    assert failed.status == "error"
    assert str(source) in failed.cause
    assert "0" * 32 in failed.cause
    assert record.files[0].digests["Murmur3-128"] in failed.cause
    assert rig.filesets_of(source) == []
    assert rig.links_to(source) == []
    assert rig.copies_of(source) == []


def test_a_source_that_changed_after_it_was_hashed_is_refused(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("changed", [source])
    upstream = rig.checksum()
    rig.targets()
    write_image(source, 9)
    failed = rig.run(importing.STAGE, upstream)["changed"]
    assert failed.status == "error"
    assert "changed after" in failed.cause
    assert rig.filesets_of(source) == []


def test_a_rerun_imports_nothing_twice(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("again", [source], target="Dataset:name:Again")
    first = rig.import_all()["again"]
    assert rig.import_all()["again"] == first
    # Without its record of what was done, the journal's intent is enough to find it.
    journal = rig.context.journal.path("again")
    lines = [line for line in journal.read_text().splitlines() if '"done"' not in line]
    journal.write_text("".join(line + "\n" for line in lines))
    adopted = rig.import_all()["again"]
    assert adopted.facts == first.facts
    assert len(rig.filesets_of(source)) == 1


def test_a_fileset_deleted_in_omero_is_imported_again(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("deleted", [source])
    first = rig.import_all()["deleted"]
    import omero.cmd

    rig.omero.submit(omero.cmd.Delete2({"Fileset": [first.facts["fileset_id"]]}))
    again = rig.import_all()["deleted"]
    assert again.status == "ok", again.cause
    assert again.facts["fileset_id"] != first.facts["fileset_id"]
    assert source.exists()


def test_a_plate_whose_import_failed_late_is_removed_whole(rig: Rig) -> None:
    source = rig.folder / PLATE
    source.touch()
    rig.add("late", [source], target="Screen:name:S")
    record = rig.import_all()["late"]
    fileset_id = record.facts["fileset_id"]
    repository = open_repository(rig.omero, None)
    remove_fileset(rig.omero, repository, fileset_id, "ln_s", record.files)

    assert not queries.plate_ids(rig.omero, fileset_id)
    assert not queries.image_ids(rig.omero, fileset_id)
    assert rig.filesets_of(source) == []
    assert source.exists()


def test_other_files_another_target_or_name_of_an_imported_row_are_refused(rig: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("row", [source], target="Dataset:name:One")
    first = rig.import_all()["row"]
    rig.change("row", target="Dataset:name:Two")
    moved = rig.import_all()["row"]
    assert moved.status == "error"
    assert f"Fileset:{first.facts['fileset_id']}" in moved.cause
    rig.change("row", target="Dataset:name:One", name="another")
    assert "with the name '', not 'another'" in rig.import_all()["row"].cause
    rig.change("row", name="", import_transfer="cp")
    assert "by ln_s, not cp" in rig.import_all()["row"].cause
    rig.change("row", import_transfer="ln_s")
    write_image(source, 3)
    changed = rig.import_all()["row"]
    assert "from other files" in changed.cause
    assert len(rig.filesets_of(source)) == 1


def test_rows_of_several_users_and_groups(rig: Rig) -> None:
    for user, group in [("ada", "demo"), ("grace", "demo"), ("santiago", "private-lab")]:
        source = write_image(rig.folder / f"{user}.tif")
        rig.add(user, [source], user=user, group=group, target="Dataset:name:Theirs")
    records = rig.import_all()
    for user, group in [("ada", "demo"), ("grace", "demo"), ("santiago", "private-lab")]:
        assert records[user].status == "ok", records[user].cause
        rows = rig.omero.rows(
            "select o.omeName, g.name from Image i join i.details.owner o "
            "join i.details.group g where i.id = :id",
            id=records[user].facts["image_ids"][0],
        )
        assert rows == [[user, group]]
    assert rig.import_all() == records


@pytest.mark.parametrize(
    ("user", "group", "cause"),
    [
        ("nobody", "", "has no user named nobody"),
        ("ada", "no-group", "has no group named no-group"),
        ("ada", "private-lab", "is not in group private-lab"),
    ],
)
def test_who_is_not_there_is_named(rig: Rig, user: str, group: str, cause: str) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("who", [source], user=user, group=group, target="Dataset:name:D")
    record = rig.import_all()["who"]
    assert record.status == "error"
    assert cause in record.cause


def test_thumbnails_are_jpegs(rig: Rig) -> None:
    rig.add("thumbs", [write_image(rig.folder / "a.tif")])
    (image,) = rig.import_all()["thumbs"].facts["image_ids"]
    thumbnails = fetch_thumbnails(rig.omero, [image, 10**9])
    assert list(thumbnails) == [image]
    assert thumbnails[image].startswith(b"\xff\xd8")


def test_minmax_and_thumbnails_can_be_left_out(tmp_path: Path, rig: Rig) -> None:
    rig.add("plain", [write_image(rig.folder / "a.tif")], thumbnails=False, minmax=False)
    record = rig.import_all()["plain"]
    assert record.status == "ok", record.cause
    rows = rig.omero.objects(
        "select l from FilesetJobLink l join fetch l.child where l.parent.id = :id",
        id=record.facts["fileset_id"],
    )
    jobs = [type(unwrap(link.getChild())).__name__ for link in rows]
    assert "ThumbnailGenerationJobI" not in jobs
