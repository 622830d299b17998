"""What is in OMERO already is not imported again when the row says so, and only then."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import omero.all
import omero.cmd
import pytest

from ingest.fileset import Record
from ingest.omero import importer, queries
from ingest.omero.session import Session
from ingest.records import read_records, write_records
from ingest.stages import checksum, importing
from tests.integration.ingest_omero.rig import Rig, Server, write_image

BOTH = ("clientpath", "filename")


@pytest.fixture
def elsewhere(tmp_path: Path, server: Server) -> Any:
    """Another results folder, whose imports the rig's journal knows nothing of."""
    other = Rig(tmp_path / "elsewhere", server)
    yield other
    other.close()


def imported(rig: Rig, name: str, sources: list[Path], **columns: Any) -> Record:
    rig.add(name, sources, **columns)
    record = rig.import_all()[name]
    assert record.status == "ok", record.cause
    return record


def excluded(rig: Rig, sources: list[Path], *exclude: str, **columns: Any) -> Record:
    rig.add("again", sources, exclude=exclude, **columns)
    return rig.import_all()["again"]


@pytest.mark.parametrize(
    ("exclusion", "how"),
    [("clientpath", "same client path"), ("filename", "same name and digest")],
)
def test_a_fileset_of_somebody_else_is_found(
    rig: Rig, elsewhere: Rig, exclusion: str, how: str
) -> None:
    sources = [write_image(rig.folder / "d" / name) for name in ("a.tif", "sub/b.tif")]
    there = imported(elsewhere, "first", sources).facts["fileset_id"]
    record = excluded(rig, sources, exclusion, target="Dataset:@name:Not made")
    assert record.status == "notneeded"
    assert record.cause == f"already in OMERO as Fileset:{there} ({how})"
    assert "fileset_id" not in record.facts
    assert len(rig.filesets_of(sources[0])) == 1
    assert rig.count("select d.id from Dataset d where d.name = :n", n="Not made") == 0
    annotated = rig.annotate_all()["again"]
    assert (annotated.status, annotated.cause) == ("notneeded", record.cause)
    # A rerun looks only whether it is still there.
    assert rig.import_all()["again"].to_json() == record.to_json()
    assert rig.annotate_all()["again"].to_json() == annotated.to_json()


def test_the_name_of_another_file_is_no_exclusion(rig: Rig, elsewhere: Rig) -> None:
    imported(elsewhere, "first", [write_image(rig.folder / "x" / "a.tif", 1)])
    assert excluded(rig, [write_image(rig.folder / "y" / "a.tif", 2)], *BOTH).status == "ok"


def test_a_copy_under_another_path_is_found_by_name_alone(rig: Rig, elsewhere: Rig) -> None:
    source = write_image(rig.folder / "x" / "a.tif")
    imported(elsewhere, "first", [source])
    copy = rig.folder / "y" / "a.tif"
    copy.parent.mkdir()
    shutil.copy(source, copy)
    assert excluded(rig, [copy], "clientpath").status == "ok"
    rig.add("named", [copy], exclude=("filename",))
    assert rig.import_all()["named"].status == "notneeded"


def test_digests_are_compared_by_the_algorithm_of_what_is_there(rig: Rig, elsewhere: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    import_by(elsewhere, source, "SHA1-160")
    assert excluded(rig, [source], "filename").status == "notneeded"


def test_a_size_is_no_digest(rig: Rig, elsewhere: Rig) -> None:
    import_by(elsewhere, write_image(rig.folder / "x" / "a.tif", 1), "File-Size-64")
    other = write_image(rig.folder / "y" / "a.tif", 2)
    assert excluded(rig, [other], "filename").status == "ok"


def import_by(rig: Rig, source: Path, algorithm: str) -> None:
    rig.add("first", [source], checksum_algorithm=algorithm)
    rig.targets()
    rig.run(checksum.STAGE, rig.checksum())
    record = rig.run(importing.STAGE, rig.folder / "checksum.jsonl")["first"]
    assert record.facts["algorithm"] == algorithm


@pytest.mark.parametrize("exclusion", BOTH)
def test_all_files_must_be_in_one_fileset(rig: Rig, elsewhere: Rig, exclusion: str) -> None:
    first, second = (write_image(rig.folder / "d" / name) for name in ("a.tif", "b.tif"))
    imported(elsewhere, "one", [first])
    imported(elsewhere, "other", [second])
    assert excluded(rig, [first, second], exclusion).status == "ok"
    rig.add("third", [second, first], exclude=(exclusion,))
    found = rig.import_all()["third"]
    assert found.status == "notneeded"


@pytest.mark.parametrize("exclusion", BOTH)
def test_other_bytes_under_the_same_path_are_imported(
    rig: Rig, elsewhere: Rig, exclusion: str
) -> None:
    source = write_image(rig.folder / "a.tif", 1)
    imported(elsewhere, "first", [source], import_transfer="cp")
    write_image(source, 2)
    assert excluded(rig, [source], exclusion).status == "ok"


@pytest.mark.parametrize("exclusion", BOTH)
@pytest.mark.parametrize("step", ["fileset made", "files transferred"])
def test_half_an_import_is_not_found(
    rig: Rig, elsewhere: Rig, exclusion: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official client takes the entry that a crashed import leaves for an imported file."""
    source = write_image(rig.folder / "a.tif")
    leave_half_an_import(elsewhere, source, step, monkeypatch)
    assert len(rig.filesets_of(source)) == 1
    assert excluded(rig, [source], exclusion).status == "ok"


@pytest.mark.parametrize("exclusion", BOTH)
def test_our_own_unfinished_import_is_repaired_not_found(
    rig: Rig, exclusion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_image(rig.folder / "a.tif")
    leave_half_an_import(rig, source, "files transferred", monkeypatch, exclude=(exclusion,))
    assert rig.import_all()["half"].status == "ok"
    assert len(rig.filesets_of(source)) == 1


def leave_half_an_import(
    rig: Rig, source: Path, at: str, monkeypatch: pytest.MonkeyPatch, **columns: Any
) -> None:
    class Killed(BaseException):
        pass

    real = importing.import_fileset

    def dying(session: Session, request: Any, mount: Any, _report: Any) -> Any:
        def report(step: str) -> None:
            if step == at:
                raise Killed

        return real(session, request, mount, report)

    rig.add("half", [source], **columns)
    with monkeypatch.context() as patched:
        patched.setattr(importing, "import_fileset", dying)
        patched.setattr(importer, "_remove", lambda *_: None)
        with pytest.raises(Killed):
            rig.import_all()


@pytest.mark.parametrize(
    ("processed", "is_open", "status"),
    [(False, True, "unfinished"), (False, False, "notneeded"), (True, True, "notneeded")],
)
def test_what_somebody_still_imports_is_waited_for(
    rig: Rig,
    elsewhere: Rig,
    monkeypatch: pytest.MonkeyPatch,
    processed: bool,
    is_open: bool,
    status: str,
) -> None:
    source = write_image(rig.folder / "a.tif")
    there = imported(elsewhere, "first", [source]).facts["fileset_id"]
    if not is_open:
        elsewhere.close()
    if not processed:
        monkeypatch.setattr(queries, "is_processed", lambda *_: False)
    record = excluded(rig, [source], "clientpath")
    assert record.status == status
    if status == "unfinished":
        assert f"Fileset:{there} (same client path), begun by somebody else" in record.cause


def test_what_is_found_and_then_deleted_is_imported(rig: Rig, elsewhere: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    there = imported(elsewhere, "first", [source]).facts["fileset_id"]
    assert excluded(rig, [source], *BOTH).status == "notneeded"
    delete(rig, there)
    assert rig.import_all()["again"].status == "ok"


def delete(rig: Rig, fileset_id: int) -> None:
    answer = rig.omero.submit(omero.cmd.Delete2(targetObjects={"Fileset": [fileset_id]}))
    assert isinstance(answer, omero.cmd.OK)


def test_only_the_rows_group_is_looked_at(rig: Rig, elsewhere: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    imported(elsewhere, "first", [source], group="screening")
    assert excluded(rig, [source], *BOTH, group="demo").status == "ok"


def test_sources_stay_when_nothing_is_imported(rig: Rig, elsewhere: Rig) -> None:
    source = write_image(rig.folder / "a.tif")
    imported(elsewhere, "first", [source])
    record = excluded(rig, [source], "clientpath", import_transfer="ln_rm")
    assert record.status == "notneeded"
    assert source.exists()


def test_a_file_that_was_brought_to_the_store_is_known_by_its_first_path(
    rig: Rig, elsewhere: Rig
) -> None:
    source = write_image(rig.folder / "a.tif")
    imported(elsewhere, "first", [source])
    stored = rig.folder / "store" / "again" / "a.tif"
    stored.parent.mkdir(parents=True)
    shutil.copy(source, stored)
    rig.add("again", [stored], exclude=("clientpath",))
    rig.targets()
    records = read_records(rig.checksum())
    (file,) = records["again"].files
    moved = replace(records["again"], files=(replace(file, source=str(source)),))
    write_records(rig.folder / "transfer.jsonl", [moved])
    found = rig.run(importing.STAGE, rig.folder / "transfer.jsonl")["again"]
    assert found.status == "notneeded"
