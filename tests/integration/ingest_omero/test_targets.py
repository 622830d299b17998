from __future__ import annotations

from pathlib import Path
from typing import Any

import omero.cmd
import omero.model
import pytest
from omero.rtypes import rstring

from ingest.failures import TARGETS, last_failures
from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig, Server, write_image


def make(rig: Rig, name: str, kind: str = "Dataset") -> int:
    container = getattr(omero.model, f"{kind}I")()
    container.setName(rstring(name))
    return int(rig.omero.save([container])[0].getId().getValue())


def resolve(rig: Rig, target: str) -> dict[str, Any]:
    rig.filesets.clear()
    rig.add("row", [write_image(rig.folder / "a.tif")], target=target)
    (entry,) = rig.targets()["targets"]
    return dict(entry)


def test_the_discriminators_choose(rig: Rig) -> None:
    first, second = make(rig, "twice"), make(rig, "twice")
    assert resolve(rig, "Dataset:name:twice")["id"] == second
    assert resolve(rig, "Dataset:+name:twice")["id"] == second
    assert resolve(rig, "Dataset:-name:twice")["id"] == first
    assert resolve(rig, f"Dataset:{first}")["id"] == first
    error = resolve(rig, "Dataset:%name:twice")["error"]
    assert f"{first}, {second}" in error["cause"]


def test_one_that_is_missing_is_made_once(rig: Rig) -> None:
    made = resolve(rig, "Screen:name:made once")
    assert made["type"] == "Screen"
    assert resolve(rig, "Screen:%name:made once")["id"] == made["id"]


def test_an_id_that_does_not_exist_is_an_error_of_its_row(rig: Rig) -> None:
    rig.add("bad", [write_image(rig.folder / "a.tif")], target="Dataset:id:999999")
    rig.add("good", [write_image(rig.folder / "b.tif", 1)], target="Dataset:name:good one")
    records = rig.import_all()
    assert records["bad"].status == "error"
    assert "no Dataset 999999" in records["bad"].cause
    assert records["good"].status == "ok"


def test_a_dataset_is_put_into_its_project_once(rig: Rig) -> None:
    first = resolve(rig, "Project:name:P/Dataset:name:in P")
    assert resolve(rig, "Project:name:P/Dataset:name:in P") == first
    links = rig.omero.rows(
        "select l.parent.name from ProjectDatasetLink l where l.child.id = :id", id=first["id"]
    )
    assert links == [["P"]]


@pytest.mark.parametrize(
    ("target", "datasets"),
    [("Project:id:{id}/Dataset:name:D: a/b", 1), ("Project:{id}/Dataset:@name:D: a/b", 2)],
)
def test_a_project_by_its_id(rig: Rig, target: str, datasets: int) -> None:
    project = make(rig, "by id", "Project")
    for seed in range(2):
        source = write_image(rig.folder / f"{seed}.tif", seed)
        rig.add(f"row-{seed}", [source], target=target.format(id=project))
    assert {record.status for record in rig.import_all().values()} == {"ok"}
    names = rig.omero.rows(
        "select l.child.name from ProjectDatasetLink l where l.parent.id = :id", id=project
    )
    assert names == [["D: a/b"]] * datasets


@pytest.mark.parametrize(
    "target",
    [
        "Project:id:999999/Dataset:@name:x",
        "Project:name:x/Dataset:999999",
        "Project:@name:x/Dataset:999999",
    ],
)
def test_a_project_or_dataset_that_is_not_there(rig: Rig, target: str) -> None:
    rig.add("row", [write_image(rig.folder / "a.tif")], target=target)
    (entry,) = rig.targets()["targets"]
    assert "there is no " in entry["error"]["cause"]
    for kind in ("Project", "Dataset"):
        assert rig.count(f"select o.id from {kind} o where o.name = 'x'") == 0


def test_the_target_of_an_earlier_run_is_kept(rig: Rig) -> None:
    earlier = resolve(rig, "Dataset:name:kept")
    newer = make(rig, "kept")
    assert resolve(rig, "Dataset:name:kept")["id"] == earlier["id"]
    rig.omero.submit(omero.cmd.Delete2({"Dataset": [earlier["id"]]}))
    assert resolve(rig, "Dataset:name:kept")["id"] == newer


def test_at_makes_one_for_each_fileset_and_no_more_on_a_rerun(rig: Rig) -> None:
    for seed, name in enumerate(["one", "two"]):
        source = write_image(rig.folder / f"{name}.tif", seed)
        rig.add(name, [source], target="Project:name:PP/Dataset:@name:each")
    records = rig.import_all()
    ids = {record.facts["target"]["id"] for record in records.values()}
    assert len(ids) == 2
    assert rig.import_all() == records
    for name in ("one", "two"):
        journal = rig.context.journal.path(name)
        lines = [line for line in journal.read_text().splitlines() if '"done"' not in line]
        journal.write_text("".join(line + "\n" for line in lines))
    again = rig.import_all()
    assert {record.facts["target"]["id"] for record in again.values()} == ids
    assert rig.count("select d.id from Dataset d where d.name = :name", name="each") == 2
    assert rig.count("select p.id from Project p where p.name = :name", name="PP") == 1


@pytest.mark.parametrize("target", ["Dataset:name:shared", "Dataset:id:{id}"])
def test_what_the_user_may_not_add_to_is_not_taken(rig: Rig, target: str) -> None:
    """grace may read, but not link to, what ada has in the read-annotate group."""
    with rig.context.sessions.using("ada", "demo") as ada:
        dataset = omero.model.DatasetI()
        dataset.setName(rstring("shared"))
        theirs = int(ada.save([dataset])[0].getId().getValue())
    rig.add(
        "grace",
        [write_image(rig.folder / "a.tif")],
        target=target.format(id=theirs),
        user="grace",
        group="demo",
    )
    (entry,) = rig.targets()["targets"]
    if "id:" in target:
        assert "may not add" in entry["error"]["cause"]
    else:
        assert entry["id"] != theirs


@pytest.mark.parametrize(
    ("target", "gone"),
    [("Dataset:name:left", "Dataset"), ("Project:name:left/Dataset:@name:own", "Project")],
)
def test_a_target_that_is_taken_away_before_the_import_is_told_and_had_anew(
    rig: Rig, target: str, gone: str
) -> None:
    source = write_image(rig.folder / "a.tif")
    rig.add("row", [source], target=target)
    (entry,) = rig.targets()["targets"]
    prepared_id = (entry.get("project") or entry)["id"]
    rig.omero.submit(omero.cmd.Delete2({gone: [prepared_id]}))
    record = rig.run(importing.STAGE, rig.checksum())["row"]
    assert record.status == "error"
    assert f"the target left ({gone}:{prepared_id}) was in OMERO" in record.cause
    assert rig.filesets_of(source) == []
    assert last_failures(rig.context.results).at(TARGETS)
    record = rig.import_all()["row"]
    assert record.status == "ok", record.cause
    assert len(rig.filesets_of(source)) == 1


def test_who_left_the_group_before_the_import_is_told_so_again_and_again(
    facility: Server, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, facility)
    source = write_image(tmp_path / "a.tif")
    rig.add("row", [source], user="ben", group="write", target="Dataset:name:ben's")
    rig.targets()
    admin = rig.omero.factory.getAdminService()
    ben, group = admin.lookupExperimenter("ben"), admin.lookupGroup("write")
    admin.removeGroups(ben, [group])
    for _run in range(2):
        rig.close()
        rig.context = rig.new_context()
        record = rig.run(importing.STAGE, rig.checksum())["row"]
        assert "ben is not in group write" in record.cause
        rig.targets()
    rig.omero.factory.getAdminService().addGroups(ben, [group])
    assert rig.import_all()["row"].status == "ok"
    assert len(rig.filesets_of(source)) == 1
    rig.close()
