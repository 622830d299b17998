"""What OMERO, the journal and the conversions' records say, and what it is held against."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import omero.cmd
import pytest

from ingest.omero.session import Session
from tests.integration.audit import breakages as do
from tests.integration.audit.house import House
from tests.integration.ingest_omero.rig import Server, write_image

OMERO = "known otherwise by OMERO"


@contextmanager
def session_of(house: House) -> Iterator[Session]:
    context = house.context()
    try:
        with context.sessions.using() as session:
            yield session
    finally:
        context.close()


@contextmanager
def noted(house: House, row: str, column: str, value: object) -> Iterator[None]:
    """Another value in the database, of a row's first file: the API offers no such thing."""
    with session_of(house) as session:
        rows = session.rows(
            "select o.id from FilesetEntry e join e.originalFile o where e.fileset.id = :id",
            id=house.records[row].facts["fileset_id"],
        )
    file = house.server.folder / "omero.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        of_file = f"from originalfile where id = {rows[0][0]}"
        ((before,),) = database.execute(f"select {column} {of_file}")
        change = f"update originalfile set {column} = ? where id = {rows[0][0]}"
        database.execute(change, [value])
        yield
        database.execute(change, [before])


@pytest.mark.parametrize(
    ("column", "value"),
    [("size", 1), ("hash", "0" * 32), ("hash", None), ("repo", "another repository")],
)
def test_omero_says_something_else(house: House, column: str, value: object) -> None:
    with noted(house, "ln_s", column, value):
        found = house.audit()

    assert found == {(OMERO, ("ln_s",), str(house.source("ln_s")))}
    assert house.audit() == set()


def delete(session: Session, **objects: list[int]) -> None:
    response = session.submit(omero.cmd.Delete2(targetObjects=objects))
    assert isinstance(response, omero.cmd.OK), response


@pytest.fixture
def small(tmp_path: Path, server: Server) -> House:
    """Three rows of its own, to be taken apart."""
    house = House(tmp_path, server)
    for name in ("one", "two", "three"):
        house.add(name, write_image(tmp_path / "source" / name / "a.tif"))
    house.run()
    return house


def test_a_fileset_that_omero_lost(small: House) -> None:
    with session_of(small) as session:
        delete(session, Fileset=[small.records["two"].facts["fileset_id"]])

    assert small.audit() == {("lost by OMERO", ("two",), "")}
    assert "snakemake" not in small.report()["findings"][0]["remedy"]
    small.run()  # as the remedy says
    assert small.audit() == set()


def test_a_fileset_that_lost_its_import_id(small: House) -> None:
    mark = small.records["one"].facts["import_id"]
    with session_of(small) as session:
        rows = session.rows("select a.id from CommentAnnotation a where a.textValue = :m", m=mark)
        delete(session, CommentAnnotation=[row[0] for row in rows])

    assert small.audit() == {(OMERO, ("one",), "")}


def test_filesets_in_flight_are_no_findings(small: House) -> None:
    context = small.context()
    facts = {"database": "d", "user": "u", "group": "g", "transfer": "ln_s", "target": ""}
    with do.gone(small.source("one")):
        context.journal.append("one", "import", "intent", import_id=str(uuid.uuid4()), **facts)
        assert small.audit() == set()
    assert small.report()["in_flight"] == ["one"]

    last = json.loads(context.journal.path("one").read_bytes().splitlines()[-1])
    context.journal.append("one", "import", "failed", removed_import=last["import_id"])
    with do.gone(small.source("one")):
        assert small.audit() == {("missing", ("one",), str(small.source("one")))}

    # Links that are being led elsewhere, and a fileset that is being taken out.
    facts = {"rolls_back": small.records["two"].facts["import_id"]}
    context.journal.append("one", "relink", "intent", links={})
    context.journal.append("two", "rollback", "intent", **facts)
    with do.gone(small.repository_file("one")), do.gone(small.repository_file("two")):
        assert small.audit() == set()
    assert small.report()["in_flight"] == ["one", "two"]


def test_a_row_that_was_taken_out_again_is_not_missed(small: House) -> None:
    facts = small.records["one"].facts
    small.context().journal.append("one", "import", "failed", removed_import=facts["import_id"])
    with session_of(small) as session:
        delete(session, Fileset=[facts["fileset_id"]])

    with do.gone(small.source("one")):
        assert small.audit() == set()


def test_a_fileset_that_was_found_in_omero(small: House) -> None:
    fileset = small.records["one"].facts["fileset_id"]
    other = House(small.folder / "other", small.server)
    other.folder.mkdir()
    other.add("mine", small.source("one"), exclude="clientpath")
    other.run()
    assert other.records["mine"].facts["found_fileset"] == fileset
    assert other.audit() == set()

    with do.gone(small.repository_file("one")):
        assert other.audit() == {("missing", ("mine",), str(small.repository_file("one")))}
    with do.flipped(small.source("one")):
        assert other.audit() == {("digest differs", ("mine",), str(small.source("one")))}
    with do.gone(small.source("one")):
        assert other.audit() == {("missing", ("mine",), str(small.source("one")))}
    with session_of(small) as session:
        delete(session, Fileset=[fileset])
    assert other.audit() == {("lost by OMERO", ("mine",), "")}


def test_before_anything_was_imported(tmp_path: Path, server: Server) -> None:
    house = House(tmp_path, server)
    assert house.audit() == set()
    assert "Nothing was imported" in house.report()["notes"][0]


def test_a_journal_that_is_gone(small: House) -> None:
    journal = small.context().journal.path("three")
    journal.unlink()

    assert small.audit() == {("journal lost", ("three",), str(journal))}


def test_a_row_that_left_the_manifest_is_audited(small: House) -> None:
    gone = small.rows.pop(0)["fileset"]
    small.run()

    with do.flipped(small.source(gone)):
        assert small.audit() == {("digest differs", (gone,), str(small.source(gone)))}


def test_the_repository_is_not_here(small: House) -> None:
    small.options["omero"] = {}
    context = small.context()
    assert context.config.omero.embedded
    small.options["omero"] = {
        "embedded": True,
        "embedded_folder": str(small.server.folder),
        "managed_repository": str(small.folder / "nowhere"),
    }
    with pytest.raises(Exception, match="managed repository is not at"):
        small.audit()


def test_folders_that_omero_does_not_know_are_named_once(small: House) -> None:
    folder = small.repository_file("one").parent / "strangers"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.tif").write_text("a")
    (folder / "b.tif").symlink_to("/nowhere")
    fresh = small.repository_file("one").with_name(f".{'0' * 32}.partial")
    fresh.write_text("a copy that is being made")

    found = small.audit()
    os.utime(fresh, (1, 1))
    later = small.audit()

    for path in (folder / "deep" / "a.tif", folder / "b.tif", fresh):
        path.unlink()
    (folder / "deep").rmdir()
    folder.rmdir()
    assert found == {("unknown to OMERO", (), str(folder))}
    assert later == found | {("unknown to OMERO", (), str(fresh))}


# Conversions.


def test_archived_originals_and_links_led_to_the_store(archive: House) -> None:
    home = archive.folder / "store" / "one"
    kept = next((home / "original").rglob("*.tif"))
    stored = archive.path("one")
    assert stored.is_relative_to(home)
    for path in (kept, stored):
        with do.flipped(path):
            assert archive.audit() == {("digest differs", ("one",), str(path))}
        with do.gone(path):
            assert archive.audit() == {("missing", ("one",), str(path))}
    source = archive.folder / "source" / "a.tif"
    with do.gone(source):
        assert archive.audit() == {("missing", ("one",), str(source))}
    with do.flipped(source, keeps_time=False):
        assert archive.audit() == {("digest differs", ("one",), str(source))}
    record = home / "conversion.json"
    with do.gone(record):
        assert archive.audit() == {("conversion record lost", ("one",), str(record))}


def test_each_import_of_a_row_that_became_several(archive: House) -> None:
    facts = archive.records["several"].facts["imports"]
    assert len(facts) == 2
    for number, its in enumerate(facts):
        (link,) = map(Path, its["repository_files"].values())
        with do.gone(link):
            assert archive.audit() == {("missing", ("several",), str(link))}
        stored = archive.path("several", number)
        with do.flipped(stored):
            assert archive.audit() == {("digest differs", ("several",), str(stored))}


# A part of the bytes, and the quick look.


def test_a_part_of_the_bytes_covers_everything_in_time(house: House) -> None:
    (house.results / "audit" / "verified.jsonl").unlink(missing_ok=True)
    broken = house.source("plate", -1)
    read, found = 0, []
    with do.flipped(broken):
        for _ in range(4):
            found.append(house.audit(fraction=0.25))
            assert 0 < house.report()["read_files"] < house.report()["files"]
            read += house.report()["read_files"]
        wanted = {("digest differs", ("plate",), str(broken))}
        assert read >= house.report()["files"]
        assert wanted in found
        # It is found again and again from then on, though its turn is over.
        assert all(each == wanted for each in found[found.index(wanted) :])
        assert house.audit(fraction=0.01) == wanted
    assert house.audit(fraction=0.01) == set()

    # What a killed audit wrote in half is forgotten, the rest is kept.
    state = house.results / "audit" / "verified.jsonl"
    lines = state.read_text().splitlines()
    state.write_text("\n".join(lines)[:-7])
    house.audit(fraction=0.01)
    assert len(set(lines) & set(state.read_text().splitlines())) >= len(lines) - 2


def test_a_time_that_differs_has_the_file_read_though_its_turn_is_not_now(house: House) -> None:
    with do.flipped(house.source("ln_s"), False):
        found = house.audit(fraction=0.001)
    assert found == {("digest differs", ("ln_s",), str(house.source("ln_s")))}


def test_the_quick_look_reads_nothing(house: House) -> None:
    source, changed = house.source("ln_s"), "changed"
    with do.touched(source):
        assert house.audit(mode="fast") == {(changed, ("ln_s",), str(source))}
    with do.written_anew(source, do.other_bytes(source)):  # by its inode
        assert house.audit(mode="fast") == {(changed, ("ln_s",), str(source))}
    with do.truncated(source):
        assert house.audit(mode="fast") == {("size differs", ("ln_s",), str(source))}
    with do.gone(source):
        assert house.audit(mode="fast") == {("missing", ("ln_s",), str(source))}
    copy = house.repository_file("cp")
    with do.flipped(copy, keeps_time=False):
        assert house.audit(mode="fast") == {(changed, ("cp",), str(copy))}
    with do.flipped(source):  # what only bytes can tell
        assert house.audit(mode="fast") == set()
    assert house.report()["read_files"] == 0


def test_permissions_and_strays_can_be_left_out(house: House) -> None:
    stray = house.repository_file("ln_s").with_name("stray")
    with do.chmodded(house.source("ln_s"), 0o666), do.added(stray):
        assert len(house.audit()) == 2
        assert house.audit(permissions=False, strays=False) == set()
