"""Every transfer, whatever befalls it: what OMERO, its repository and the sources are like then."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.copying import partial_path
from ingest.fileset import Record
from ingest.records import read_records, write_records
from ingest.stages import importing
from tests.fixtures.dying import at_every_moment
from tests.fixtures.world import Source, World
from tests.integration.ingest_omero.dying_import import import_and_die
from tests.integration.ingest_omero.rig import Rig, Server, write_image

CUSTOM = "matrix_transfers:copy"
TRANSFERS = ["ln_s", "ln", "ln_rm", "cp", "cp_rm", "upload", "upload_rm", CUSTOM]

MakeRig = Callable[[str], Rig]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of this module alone: all that is in it is looked at."""
    server = Server(tmp_path_factory.mktemp("omero"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_rig(tmp_path: Path, rig: Rig, server: Server) -> MakeRig:
    """Makes rigs of one row each, for which targets are prepared."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "matrix_transfers.py").write_text("from shutil import copyfile as copy\n")
    rig.add("row", [write_image(tmp_path / "any.tif")], target="Dataset:name:Matrix")
    rig.targets()

    def make(name: str) -> Rig:
        made = Rig(
            tmp_path / name,
            server,
            {"import": {"transfer_folder": str(tmp_path / "site"), "retry_seconds": 0}},
        )
        shutil.copy(rig.context.results / "targets.json", made.context.results)
        return made

    return make


def one_row(rig: Rig, transfer: str, files: int = 1) -> list[Source]:
    paths = [write_image(rig.folder / "data" / f"{number}.tif") for number in range(files)]
    return add_row(rig, transfer, paths)


def add_row(rig: Rig, transfer: str, paths: list[Path]) -> list[Source]:
    rig.add("row", paths, target="Dataset:name:Matrix", import_transfer=transfer)
    rig.plan()
    rig.checksum()
    return [Source.remember(path) for path in paths]


def run_job(rig: Rig) -> Record:
    """The import stage, as a job of its own runs it."""
    rig.context = rig.new_context()
    try:
        return rig.run(importing.STAGE, rig.folder / "transfer.jsonl")["row"]
    finally:
        rig.close()


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_fresh_and_then_again(new_rig: MakeRig, world: World, transfer: str) -> None:
    rig = new_rig("fresh")
    sources = one_row(rig, transfer, files=2)
    first = run_job(rig)
    assert first.status == "ok", first.cause
    fileset_id = world.check_imported(sources, transfer)
    assert run_job(rig) == first
    assert world.check_imported(sources, transfer) == fileset_id
    world.check_nothing_is_left_over()


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_another_digest(new_rig: MakeRig, world: World, transfer: str) -> None:
    rig = new_rig("mismatch")
    sources = one_row(rig, transfer, files=2)
    upstream = rig.folder / "transfer.jsonl"
    record = read_records(upstream)["row"]
    last = record.files[-1]
    wrong = replace(last, digests={**last.digests, "Murmur3-128": "0" * 32})
    write_records(upstream, [replace(record, files=(*record.files[:-1], wrong))])
    failed = run_job(rig)
    assert failed.status == "error"
    assert "0" * 32 in failed.cause
    world.check_not_imported(sources)
    world.check_nothing_is_left_over()
    write_records(upstream, [record])
    assert run_job(rig).status == "ok"
    world.check_imported(sources, transfer)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_file_omero_cannot_read(new_rig: MakeRig, world: World, transfer: str) -> None:
    rig = new_rig("broken")
    broken = rig.folder / "broken.tif"
    broken.parent.mkdir(exist_ok=True)
    broken.write_bytes(b"II*\0 is all there is of a TIFF")
    sources = add_row(rig, transfer, [broken])
    failed = run_job(rig)
    assert failed.status == "error"
    assert "OMERO could not import" in failed.cause
    world.check_not_imported(sources)
    world.check_nothing_is_left_over()


@pytest.mark.parametrize(
    ("transfer", "files"), [*((transfer, 1) for transfer in TRANSFERS), ("ln_s", 2), ("ln_rm", 2)]
)
def test_killed_at_every_moment(new_rig: MakeRig, world: World, transfer: str, files: int) -> None:
    def kill_and_run_again(moment: int) -> str:
        rig = new_rig(f"killed-{moment}")
        sources = one_row(rig, transfer, files)
        died_at = import_and_die(rig, moment)
        record = run_job(rig)
        assert record.status == "ok", f"killed at {moment}, {died_at}: {record.cause}"
        world.check_imported(sources, transfer)
        return died_at

    moments = at_every_moment(kill_and_run_again)
    world.check_nothing_is_left_over()
    assert {"fileset made", "files transferred", "upload verified", "imported"} <= set(moments)
    of_many = {"more files placed", "their sizes noted", "their digests taken"}
    assert of_many & set(moments) == (of_many if files > 1 else set())
    after_the_import = moments[moments.index("imported") :]
    assert ("os.remove 0.tif" in after_the_import) == transfer.endswith("_rm")


@pytest.mark.parametrize(
    ("transfer", "first"),
    [
        ("cp", f"os.utime {partial_path(Path('0.tif'))}"),
        ("ln", "first file placed"),
        ("upload_rm", "imported"),
    ],
)
def test_killed_at_every_moment_of_the_recovery(
    new_rig: MakeRig, world: World, transfer: str, first: str
) -> None:
    def kill_twice_and_run_again(moment: int) -> str:
        rig = new_rig(f"killed-{moment}")
        sources = one_row(rig, transfer)
        assert import_and_die(rig, first)
        died_at = import_and_die(rig, moment)
        record = run_job(rig)
        assert record.status == "ok", f"killed at {first}, {died_at}: {record.cause}"
        world.check_imported(sources, transfer)
        return died_at

    moments = at_every_moment(kill_twice_and_run_again)
    world.check_nothing_is_left_over()
    assert ("command ended" in moments) == (first != "imported")


@pytest.mark.parametrize("transfer", ["ln_s", "ln_rm", "cp_rm", "upload"])
def test_killed_at_every_moment_of_the_cleanup(
    new_rig: MakeRig, world: World, transfer: str
) -> None:
    def kill_and_run_again(moment: int) -> str:
        rig = new_rig(f"broken-{moment}")
        broken = rig.folder / "0.tif"
        broken.write_bytes(b"II*\0 is all there is of a TIFF")
        sources = add_row(rig, transfer, [broken])
        died_at = import_and_die(rig, moment)
        failed = run_job(rig)
        assert failed.status == "error"
        assert "OMERO could not import" in failed.cause
        world.check_not_imported(sources)
        return died_at

    moments = at_every_moment(kill_and_run_again)
    world.check_nothing_is_left_over()
    assert "command ended" in moments
