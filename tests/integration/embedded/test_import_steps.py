"""What an import leaves when it fails late, is cancelled, or its server is killed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import Ice
import numpy as np
import omero
import omero.cmd
import pytest
import tifffile
from omero.rtypes import rbool, rstring

from tests.fixtures.waiting import wait_until
from tests.integration.embedded import protocol as speak
from tests.integration.embedded.protocol import Rehearsal

IMPORT = "openmicroscopy.org/omero/import/"


def _damaged(folder: Path) -> Path:
    """A TIFF whose header and directory are whole, and whose compressed plane is not."""
    path = folder / "damaged.tif"
    plane = np.random.default_rng(0).integers(0, 65000, (64, 64), dtype=np.uint16)
    tifffile.imwrite(path, plane, compression="zlib")
    with tifffile.TiffFile(path) as file:
        (offset,), (length,) = file.pages[0].dataoffsets, file.pages[0].databytecounts
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * length)
    return path


def _slow(folder: Path, frames: int) -> Path:
    """An image that takes 20 ms a frame to read, and computes nothing meanwhile."""
    path = folder / f"slow&sizeX=32&sizeY=32&sizeT={frames}&sleepOpenBytes=20.fake"
    path.write_bytes(b"")
    return path


def _images(client: Any, fileset_id: int) -> list[Any]:
    hql = "select i.id, p.sha1 from Pixels p join p.image i where i.fileset.id = :id"
    return speak.rows(client, hql, id=fileset_id)


def _start(client: Any, path: Path, **settings: Any) -> tuple[Any, Any, int]:
    process = speak.begin(client, [path], reader="loci.formats.in.FakeReader", **settings)
    handle = process.verifyUpload(speak.upload(process, [path]))
    return process, handle, handle.getRequest().activity.parent.id.val


def test_damaged_planes_leave_an_image(ada: Any, tmp_path: Path) -> None:
    path = _damaged(tmp_path)
    process = speak.begin(ada, [path], reader="loci.formats.in.TiffReader")
    handle = process.verifyUpload(speak.upload(process, [path]))
    wait_until(lambda: handle.getResponse() is not None, "the import's end")
    response, status = handle.getResponse(), handle.getStatus()
    assert isinstance(response, omero.cmd.ERR)
    assert response.name == "import-file-exception"
    assert response.category == "::omero::grid::ImportRequest"
    assert set(status.flags) == {omero.cmd.State.FAILURE, omero.cmd.State.CANCELLED}
    assert (status.currentStep, status.steps) == (1, 5)
    fileset_id = handle.getRequest().activity.parent.id.val
    ((image_id, sha1),) = _images(ada, fileset_id)
    assert sha1 == "Pending..."
    drawn = "select count(t) from Thumbnail t where t.pixels.image.id = :id"
    assert speak.rows(ada, drawn, id=image_id) == [[0]]
    handle.close()
    process.close()
    delete = omero.cmd.Delete2(targetObjects={"Fileset": [fileset_id]})
    ada.submit(delete)
    assert _images(ada, fileset_id) == []


def test_the_log_tells_of_each_step(ada: Any, cells: Path) -> None:
    fileset_id, response = speak.import_files(ada, [cells])
    updates = (
        "select count(e) from EventLog e where e.action = 'UPDATE' and e.entityId in"
        " (select k.child.id from JobOriginalFileLink k, FilesetJobLink l where k.parent.id ="
        " l.child.id and l.parent.id = :id) and e.entityType = 'ome.model.core.OriginalFile'"
    )
    ((number,),) = speak.rows(ada, updates, id=fileset_id)
    assert number >= 4
    drawn = "select t.sizeX, t.sizeY from Thumbnail t where t.pixels.image.id = :id"
    assert speak.rows(ada, drawn, id=response.objects[0].id.val) == [[96, 77]]


def test_an_import_that_closes_itself(ada: Any, cells: Path) -> None:
    closing = omero.model.BooleanAnnotationI()
    closing.ns, closing.boolValue = rstring(IMPORT + "autoClose"), rbool(True)
    process = speak.begin(ada, [cells], userSpecifiedAnnotationList=[closing])
    handle = process.verifyUpload(speak.upload(process, [cells]))

    def is_gone(proxy: Any) -> bool:
        try:
            proxy.ice_ping()
        except Ice.ObjectNotExistException:
            return True
        return False

    wait_until(lambda: is_gone(handle) and is_gone(process), "the import's end")
    assert not [n for n in ada.sf.activeServices() if n.endswith(("Handle", "ProcessI"))]


def test_cancelling_waits_for_the_step_to_end(ada: Any, tmp_path: Path) -> None:
    process, handle, fileset_id = _start(ada, _slow(tmp_path, 150))
    wait_until(lambda: handle.getStatus().currentStep >= 1, "the first step")
    try:
        assert handle.cancel()
    except omero.LockTimeout:
        # The step took longer than that: as if nothing had been said.
        wait_until(lambda: handle.getResponse() is not None, "the import's end")
        assert isinstance(handle.getResponse(), omero.grid.ImportResponse)
    else:
        assert handle.getResponse().name == "not-ready"
        assert len(_images(ada, fileset_id)) == 1
    handle.close()
    process.close()


@pytest.mark.parametrize("at", ["metadata are saved", "pixels are read"])
def test_a_server_that_is_killed_leaves_what_was_done(tmp_path: Path, at: str) -> None:
    server = Rehearsal(tmp_path / "store")
    server.start()
    client = server.connect("ada")
    path = _slow(tmp_path, 3000 if at == "metadata are saved" else 20)
    process = speak.begin(client, [path], reader="loci.formats.in.FakeReader")
    place = speak.place_of(client, process, 0)
    log = place.parent.with_name(place.parent.name + ".log")
    handle = process.verifyUpload(speak.upload(process, [path]))
    fileset_id = handle.getRequest().activity.parent.id.val
    wait_until(lambda: at in log.read_text(), at)
    server.kill()
    client.__del__()
    server.start()
    again = server.connect("ada")
    ((_image, sha1),) = _images(again, fileset_id)
    assert (sha1 == "Pending...") == (at == "metadata are saved")
    assert not [n for n in again.sf.activeServices() if n.endswith(("Handle", "ProcessI"))]
    hql = "select s.id from Session s where s.closed is null and s.owner.omeName = 'ada'"
    assert len(speak.rows(again, hql)) == 1
    again.submit(omero.cmd.Delete2(targetObjects={"Fileset": [fileset_id]}))
    assert not place.exists() and not log.exists()
    again.closeSession()
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("template", "container"),
    [
        ("regex:.*/(?<Container1>[^/]+)", "{name}"),
        ("regex:+name:.*/(?<Container1>[^/]+)", "{name}"),
        (":@name:.*/(?<Container1>[^/]+)", "{name}"),
        ("regex:name:(?<Container1>nothing)", None),
        ("regex:name:(?<Container1>x*).*", None),
        ("regex:?name:.*/(?<Container1>[^/]+)", None),
    ],
)
def test_the_target_of_a_template(
    ada: Any, tmp_path: Path, template: str, container: str | None
) -> None:
    path = tmp_path / f"a {time.time_ns()}.fake"
    path.write_bytes(b"")
    name = f"folder {time.time_ns()}"
    note = omero.model.CommentAnnotationI()
    note.ns, note.textValue = rstring(IMPORT + "targetTemplate"), rstring(template)
    note.description = rstring(f"/data/{name}")
    note = ada.sf.getUpdateService().saveAndReturnObject(note)
    _fileset, response = speak.import_files(
        ada, [path], reader="loci.formats.in.FakeReader", userSpecifiedAnnotationList=[note]
    )
    hql = "select l.parent.name from DatasetImageLink l where l.child.id = :id"
    found = speak.rows(ada, hql, id=response.objects[0].id.val)
    assert found == ([] if container is None else [[container.format(name=name)]])


def test_a_template_finds_the_newest_the_oldest_and_the_only(ada: Any, tmp_path: Path) -> None:
    name = f"twice {time.time_ns()}"
    first, second = (speak.dataset(ada, name).id.val for _ in range(2))
    for discriminator, expected in (("+name", second), ("-name", first), ("%name", None)):
        path = tmp_path / f"{discriminator[1:]}{time.time_ns()}.fake"
        path.write_bytes(b"")
        note = omero.model.CommentAnnotationI()
        note.ns = rstring(IMPORT + "targetTemplate")
        note.textValue = rstring(f"regex:{discriminator}:/(?<Container1>.+)")
        note.description = rstring("/" + name)
        note = ada.sf.getUpdateService().saveAndReturnObject(note)
        _fileset, response = speak.import_files(
            ada, [path], reader="loci.formats.in.FakeReader", userSpecifiedAnnotationList=[note]
        )
        hql = "select l.parent.id from DatasetImageLink l where l.child.id = :id"
        found = speak.rows(ada, hql, id=response.objects[0].id.val)
        assert found == ([] if expected is None else [[expected]])
