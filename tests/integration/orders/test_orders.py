"""Orders that BIOMERO's own code wrote: taken, refused, told of, as rows its web page knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from biomero_importer.utils.ingest_tracker import (
    STAGE_IMPORTED,
    STAGE_INGEST_FAILED,
    STAGE_INGEST_STARTED,
    STAGE_NEW_ORDER,
    STAGE_PREPROCESSING,
)

from ingest.fileset import StageError
from ingest.intakes import Intake, Outcome, intakes_of
from ingest.orders.claims import others
from ingest.orders.intake import owner_of
from ingest.orders.tables import database
from ingest.orders.way_in import NAME, OrdersWayIn
from tests.integration.orders.biomero import Biomero
from tests.integration.orders.pretended import LEICA, config_for, pretend_run, rows_of


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("a.tif", "b.tif", "c.tif", "d, e.tif"):
        (folder / name).write_bytes(b"MM\0*")
    return folder


@pytest.fixture
def way_in(tmp_path: Path, source: Path) -> OrdersWayIn:
    return OrdersWayIn(config_for(source, tmp_path / "intakes"))


def test_an_order_is_taken_done_and_told(
    biomero: Biomero, way_in: OrdersWayIn, source: Path
) -> None:
    files = ["/data/a.tif", "/data/b.tif", "/data/d, e.tif"]
    order = biomero.order(files, DestinationID=51, DestinationType="Screen", Username="anna")
    (intake,) = way_in.collect()
    rows = rows_of(intake)
    assert [Path(row["path"]).name for row in rows] == ["a.tif", "b.tif", "d, e.tif"]
    assert {(row["target"], row["user"], row["group"], row["kv.UUID"]) for row in rows} == {
        ("Screen:id:51", "anna", "system", order)
    }
    assert way_in.collect() == [] and way_in.prepare(intake)
    way_in.running(intake)
    pretend_run(intake, source)
    way_in.report(Outcome(intake, 0, 1))
    way_in.report(Outcome(intake, 0, 1))
    assert not way_in.prepare(intake)
    steps = biomero.steps(order)
    assert [step.stage for step in steps] == [STAGE_NEW_ORDER, STAGE_INGEST_STARTED, STAGE_IMPORTED]
    for step in steps:
        assert (step.group_name, step.user_name) == ("system", "anna")
        assert (step.destination_id, step.destination_type) == ("51", "Screen")
        assert step.files == files and step.description is None and step.timestamp is not None
    assert [step.file_names for step in steps] == [[], [], ["a.tif", "...", "d, e.tif"]]


def test_a_converter_has_a_stage_of_its_own(
    biomero: Biomero, way_in: OrdersWayIn, source: Path
) -> None:
    order = biomero.order(
        ["/data/a.tif"],
        preprocessing_container=LEICA,
        preprocessing_inputfile="{Files}",
        preprocessing_outputfolder="/data",
        preprocessing_altoutputfolder="/out",
        extra_params={"image_uuid": "7f-3"},
    )
    (intake,) = way_in.collect()
    assert [row["convert"] for row in rows_of(intake)] == ["leica?image_uuid=7f-3"]
    for _ in range(3):
        way_in.running(intake)
    pretend_run(intake, source)
    way_in.report(Outcome(intake, 0, 1))
    assert biomero.stages(order)[1:] == [
        STAGE_INGEST_STARTED,
        STAGE_PREPROCESSING,
        STAGE_IMPORTED,
    ]
    assert len({step.preprocessing_id for step in biomero.steps(order)}) == 1


def test_bad_orders_are_refused_with_a_message(
    biomero: Biomero, way_in: OrdersWayIn, source: Path
) -> None:
    (source.parent / "secret.tif").write_bytes(b"MM\0*")
    bad = {
        biomero.order([]): "list of files is empty",
        biomero.order("/data/a.tif"): "not a list",
        biomero.order(["/data/a.tif"], DestinationID=456.9): "456.9",
        biomero.order(["/data/a.tif"], DestinationID=True): "True",
        biomero.order(["/data/a.tif"], DestinationID=None): "None",
        biomero.order(["/data/a.tif"], DestinationType="Project"): "Project",
        biomero.order(["/data/a.tif"], Username=""): "no user",
        biomero.order(["/data/a.tif"], Group=""): "no group",
        biomero.order(["/data/a.tif", "/data/not there.tif"]): "does not exist",
        biomero.order(["/data/../secret.tif"]): "allowed_roots",
        biomero.order(["/data/a.tif"], preprocessing_container="x/y:1",
                      preprocessing_inputfile="{Files}", preprocessing_outputfolder="/data"): "x/y",
    }  # fmt: skip
    good = biomero.order(["/data/a.tif"])
    assert [intake.id for intake in way_in.collect()] == [good]
    for order, words in bad.items():
        steps = biomero.stages(order)
        assert steps == [STAGE_NEW_ORDER, STAGE_INGEST_STARTED, STAGE_INGEST_FAILED]
        assert words in str(biomero.last(order).description)
    assert way_in.collect() == []


def test_a_failure_is_told_at_once(biomero: Biomero, way_in: OrdersWayIn, source: Path) -> None:
    order = biomero.order(["/data/a.tif", "/data/b.tif"])
    (intake,) = way_in.collect()
    pretend_run(intake, source, "OMERO has no Dataset 1")
    way_in.report(Outcome(intake, 1, 1))
    told = str(biomero.last(order).description)
    assert biomero.stages(order)[-1] == STAGE_INGEST_FAILED
    assert "2 of 2 failed" in told and "OMERO has no Dataset 1. Mend it." in told
    assert not way_in.prepare(intake)


def test_runs_without_an_end_are_repeated_while_that_can_help(
    biomero: Biomero, way_in: OrdersWayIn, source: Path
) -> None:
    lost = biomero.order(["/data/a.tif"])
    crashed = biomero.order(["/data/b.tif"])
    intakes = way_in.collect()
    (source / "a.tif").unlink()
    for intake in intakes:
        way_in.report(Outcome(intake, 1, 1))
    assert "does not exist" in str(biomero.last(lost).description)
    assert biomero.stages(crashed)[-1] == STAGE_INGEST_STARTED
    for intake in intakes:
        way_in.report(Outcome(intake, 1, 5, gave_up=True))
    assert "5 runs" in str(biomero.last(crashed).description)
    assert [biomero.stages(order).count(STAGE_INGEST_FAILED) for order in (lost, crashed)] == [1, 1]


def test_an_order_given_again_goes_on_in_its_intake(
    biomero: Biomero, way_in: OrdersWayIn, source: Path
) -> None:
    order = biomero.order(["/data/a.tif", "/data/b.tif"])
    (intake,) = way_in.collect()
    pretend_run(intake, source, "the disk is full")
    way_in.report(Outcome(intake, 1, 1, gave_up=True))
    before = rows_of(intake)
    # As BIOMERO's manual has it.
    biomero.execute("update imports set stage = 'Import Pending' where uuid = :order", order=order)
    assert way_in.collect() == [intake] and rows_of(intake) == before
    way_in.report(Outcome(intake, 1, 1))  # the old verdict is not this try's
    assert biomero.stages(order)[-1] == STAGE_INGEST_STARTED
    pretend_run(intake, source)
    way_in.report(Outcome(intake, 0, 2))
    assert biomero.stages(order)[-2:] == [STAGE_INGEST_STARTED, STAGE_IMPORTED]
    assert way_in.collect() == []


def test_one_order_that_was_written_twice_is_done_once(
    biomero: Biomero, way_in: OrdersWayIn, source: Path
) -> None:
    order = biomero.order(["/data/a.tif"])
    biomero.order(["/data/a.tif"], UUID=order)
    (intake,) = way_in.collect()
    pretend_run(intake, source)
    way_in.report(Outcome(intake, 0, 1))
    assert way_in.collect() == []
    assert biomero.stages(order).count(STAGE_INGEST_STARTED) == 1


def test_ids_may_commit_in_any_order(biomero: Biomero, way_in: OrdersWayIn) -> None:
    session = biomero.tracker.Session()
    with biomero.tracker.engine.connect() as slow:
        begun = slow.begin()
        slow.exec_driver_sql(
            "insert into imports (group_name, user_name, destination_id, destination_type, stage,"
            " uuid, files) values ('system', 'root', '1', 'Dataset', 'Import Pending', 'slow',"
            """ '["/data/b.tif"]')"""
        )
        fast = biomero.order(["/data/a.tif"])
        assert [intake.id for intake in way_in.collect()] == [fast]
        begun.commit()
    session.close()
    assert [rows_of(intake)[0]["kv.UUID"] for intake in way_in.collect()] == ["slow"]


def test_what_the_original_importer_has_done_or_begun_is_left(
    biomero: Biomero, way_in: OrdersWayIn, tmp_path: Path
) -> None:
    done, begun, waiting = (biomero.order(["/data/a.tif"]) for _ in range(3))
    for order, stages in {
        done: [STAGE_INGEST_STARTED, STAGE_IMPORTED],
        begun: [STAGE_INGEST_STARTED],
    }.items():
        fields = {"UUID": order, "Username": "root", "Group": "system", "DestinationID": 1}
        for stage in stages:
            biomero.tracker.db_log_ingestion_event({**fields, "Files": ["/data/a.tif"]}, stage)
    assert [intake.id for intake in way_in.collect()] == [waiting]
    with database() as engine:
        assert [row["uuid"] for row in others(engine, owner_of(tmp_path / "intakes" / NAME))] == [
            begun
        ]


def test_another_machines_orders_are_left_to_it(
    biomero: Biomero, way_in: OrdersWayIn, source: Path, tmp_path: Path
) -> None:
    order = biomero.order(["/data/a.tif"])
    (intake,) = way_in.collect()
    other = OrdersWayIn(config_for(source, tmp_path / "elsewhere"))
    assert other.collect() == [] and not other.prepare(
        Intake(tmp_path / "elsewhere" / NAME / order)
    )
    pretend_run(intake, source, "no")
    way_in.report(Outcome(intake, 1, 1, gave_up=True))
    biomero.execute("update imports set stage = 'Import Pending' where uuid = :order", order=order)
    assert other.collect() == []  # whose journal knows nothing of it
    assert way_in.collect() == [intake]
    assert intakes_of(tmp_path / "elsewhere" / NAME) == []


def told() -> str:
    """What is said of a database that cannot be used."""
    with pytest.raises(StageError) as error, database():
        pass
    assert "s3cr3t" not in error.value.cause + error.value.remedy
    return error.value.cause


def test_a_database_that_cannot_be_used_is_told_without_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no table imports" in told()
    for url, words in {
        "": "is not set",
        "sqlite:///orders.db": "sqlite",
        "s3cr3t": "not the address",
        "postgresql://me:s3cr3t@host:s3cr3t/db": "not the address",
        address.replace("%20", ""): "authentication failed",
        "postgresql://me:s3cr3t@127.0.0.1:1/db": "refused",
    }.items():
        monkeypatch.setenv("INGEST_TRACKING_DB_URL", url)
        assert words in told()


def test_an_older_table_is_told(biomero: Biomero) -> None:
    biomero.execute("alter table imports drop column description")
    assert "no column description" in told()
