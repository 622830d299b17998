"""Imports of other users are taken out as those users; others' work on them is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import omero.model
import pytest
import yaml
from omero.rtypes import rstring

from tests.integration.ingest_omero.rig import Rig, Server, write_image
from tests.integration.undo.house import run_all, use

USERS = {
    "groups": {"lab": {"permissions": "rwra--"}, "own": {"permissions": "rw----"}},
    "users": {
        "admin": {"groups": ["lab"], "admin": True},
        "ann": {"groups": ["lab", "own"]},
        "ben": {"groups": ["lab"]},
    },
}


@pytest.fixture
def facility(tmp_path: Path) -> Iterator[Rig]:
    (tmp_path / "users.yaml").write_text(yaml.safe_dump(USERS))
    server = Server(tmp_path / "omero", tmp_path / "users.yaml")
    server.start()
    rig = Rig(tmp_path / "rig", server, {"import": {"retry_seconds": 0}})
    yield rig
    rig.close()
    server.stop()


def test_as_the_users_who_own_them(facility: Rig) -> None:
    rig = facility
    for name, group in (("shared", "lab"), ("private", "own"), ("noted", "lab")):
        path = write_image(rig.folder / f"{name}.tif")
        rig.add(name, [path], user="ann", group=group, target=f"Dataset:name:{group}")
    records = run_all(rig)
    with rig.context.sessions.using("ben", "lab") as ben:
        link = omero.model.ImageAnnotationLinkI()
        link.setParent(omero.model.ImageI(records["noted"].facts["image_ids"][0], False))
        comment = omero.model.CommentAnnotationI()
        comment.setTextValue(rstring("mine"))
        link.setChild(comment)
        ben.save([link])

    told = use(rig, "rollback", apply=2, containers=True)

    assert told.status == 1
    rows = {row["fileset"]: row for row in told.table["rows"]}
    assert {name: row["state"] for name, row in rows.items()} == {
        "shared": "removed", "private": "removed", "noted": "refused",
    }  # fmt: skip
    assert "annotation by ben" in rows["noted"]["cause"]
    left = [row[0] for row in rig.omero.rows("select f.id from Fileset f")]
    assert left == [records["noted"].facts["fileset_id"]]
    assert [each.partition(" ")[2] for each in told.table["containers_removed"]] == ["own"]
