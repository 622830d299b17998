"""Which targets a row's user may add to, by the group's permissions and the user's rights in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import omero.model
import pytest
from omero.rtypes import rstring

from tests.integration.ingest_omero.rig import Rig, Server, write_image

NOT_SEEN, NOT_HIS, LINKED = "no Dataset", "may not add", ""


@pytest.fixture
def facility_rig(tmp_path: Path, facility: Server) -> Iterator[Rig]:
    rig = Rig(tmp_path, facility)
    yield rig
    rig.close()


def make(rig: Rig, user: str, group: str, name: str) -> int:
    with rig.context.sessions.using(user, group) as session:
        dataset = omero.model.DatasetI()
        dataset.setName(rstring(name))
        return int(session.save([dataset])[0].getId().getValue())


@pytest.mark.parametrize(
    ("user", "private", "read", "annotate", "write"),
    [
        ("ann", LINKED, LINKED, LINKED, LINKED),
        ("ben", NOT_SEEN, NOT_HIS, NOT_HIS, LINKED),
        ("head", NOT_HIS, LINKED, LINKED, LINKED),
        ("", NOT_HIS, LINKED, LINKED, LINKED),
    ],
    ids=["its owner", "a member", "the group's owner", "an administrator"],
)
def test_a_dataset_of_ann(
    facility_rig: Rig, user: str, private: str, read: str, annotate: str, write: str
) -> None:
    rig = facility_rig
    expected = {"private": private, "read": read, "annotate": annotate, "write": write}
    ids = {group: make(rig, "ann", group, f"Ann's for {user}") for group in expected}
    for seed, (group, number) in enumerate(ids.items()):
        source = write_image(rig.folder / f"{group}.tif", seed)
        rig.add(group, [source], user=user, group=group, target=f"Dataset:id:{number}")
    records = rig.import_all()
    causes = {group: record.cause for group, record in records.items()}
    for group, cause in expected.items():
        if cause:
            assert cause in causes[group]
            continue
        assert records[group].status == "ok", causes[group]
        assert rig.count(
            "select l.id from DatasetImageLink l where l.parent.id = :dataset and l.child.id = :id",
            dataset=ids[group],
            id=records[group].facts["image_ids"][0],
        )
    assert rig.count("select f.id from Fileset f") >= sum(not cause for cause in expected.values())


@pytest.mark.parametrize("user", ["ben", "head", ""])
@pytest.mark.parametrize("group", ["private", "read", "annotate"])
def test_by_name_only_what_one_may_add_to_counts(facility_rig: Rig, user: str, group: str) -> None:
    rig = facility_rig
    name = f"shared in {group} with {user}"
    theirs = make(rig, "ann", group, name)
    rig.add("row", [write_image(rig.folder / "a.tif")], user=user, group=group)
    rig.change("row", target=f"Dataset:%name:{name}")
    (entry,) = rig.targets()["targets"]
    may = user != "ben" and group != "private"
    assert (entry["id"] == theirs) is may
    assert rig.import_all()["row"].status == "ok"


def test_each_user_and_group_has_its_own(facility_rig: Rig) -> None:
    rig = facility_rig
    places = [("ann", "read"), ("ann", "write"), ("ben", "read"), ("", "private")]
    for seed, (user, group) in enumerate(places):
        source = write_image(rig.folder / "Pilot" / f"{seed}.tif", seed)
        target = "regex:name:.*/(?<Container1>[^/]+)"
        rig.add(f"row-{seed}", [source], user=user, group=group, target=target)
    table = rig.targets()
    assert [entry["target"] for entry in table["targets"]] == ["Dataset:name:Pilot"] * 4
    assert len({entry["id"] for entry in table["targets"]}) == 4
    assert len(table["accounts"]) == 4
    assert {record.status for record in rig.import_all().values()} == {"ok"}
    assert rig.targets() == table


@pytest.mark.parametrize("group", ["read", "write"])
def test_a_dataset_of_another_group_is_refused_by_name_of_the_group(
    facility_rig: Rig, group: str
) -> None:
    number = make(facility_rig, "ann", group, "elsewhere")
    facility_rig.add(
        "row",
        [write_image(facility_rig.folder / "a.tif")],
        user="ann",
        group="annotate",
        target=f"Dataset:{number}",
    )
    (entry,) = facility_rig.targets()["targets"]
    assert f"Dataset {number} is in group {group}" in entry["error"]["cause"]
    assert f"Give the row the group {group}" in entry["error"]["remedy"]
