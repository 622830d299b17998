"""What an import leaves in OMERO, from the handshake to the thumbnails."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import Ice
import numpy as np
import omero
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import rstring, unwrap
from PIL import Image

from tests.fixtures.waiting import wait_until
from tests.integration.embedded import protocol as speak

MULTI_FILE_XML = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">
<Image ID="Image:0" Name="two channels"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8"
 SizeX="16" SizeY="12" SizeZ="1" SizeC="2" SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>
<Channel ID="Channel:1" SamplesPerPixel="1"/>
<TiffData FirstC="0" IFD="0" PlaneCount="1"><UUID FileName="part0.ome.tif">urn:uuid:{first}</UUID>
</TiffData>
<TiffData FirstC="1" IFD="0" PlaneCount="1"><UUID FileName="part1.ome.tif">urn:uuid:{second}</UUID>
</TiffData></Pixels></Image></OME>"""
UUIDS = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")


def test_an_upload_becomes_an_image_with_its_metadata(ada: Any, cells: Path, server: Any) -> None:
    target = speak.dataset(ada, "Pilot")
    fileset_id, response = speak.import_files(ada, [cells], userSpecifiedTarget=target)
    assert [type(thing).__name__ for thing in response.objects] == ["ImageI"]
    image_id = response.objects[0].id.val
    assert speak.rows(
        ada,
        "select i.name, i.fileset.id, p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT,"
        " p.pixelsType.value, l.parent.id from Image i join i.pixels p join i.datasetLinks l"
        " where i.id = :id",
        id=image_id,
    ) == [[cells.name, fileset_id, 50, 40, 2, 3, 1, "uint16", target.id.val]]
    assert speak.rows(
        ada,
        "select c.logicalChannel.name, c.statsInfo.globalMin, c.statsInfo.globalMax"
        " from Channel c where c.pixels.image.id = :id order by c.id",
        id=image_id,
    ) == [["DAPI", 0, 3999], ["GFP", 4000, 7999], ["TRITC", 8000, 11999]]
    assert speak.rows(
        ada,
        "select f.hash, f.size, e.clientPath from FilesetEntry e join e.originalFile f"
        " where e.fileset.id = :id",
        id=fileset_id,
    ) == [[speak.sha1(cells), cells.stat().st_size, str(cells).lstrip("/")]]
    jobs = speak.rows(
        ada,
        "select j.class, s.value from FilesetJobLink l join l.child j join j.status s"
        " where l.parent.id = :id order by l.id",
        id=fileset_id,
    )
    # OMERO notes the end of the upload, and of nothing else.
    assert [status for _kind, status in jobs] == ["Finished", *["Submitted"] * 4]
    assert len(jobs) == 5


def test_pixels_and_thumbnails_are_those_of_the_file(server: Any, cells: Path, ada: Any) -> None:
    _fileset, response = speak.import_files(ada, [cells])
    planes = tifffile.imread(cells)
    with BlitzGateway("ada", server.secret, host="127.0.0.1", port=server.facts["port"]) as gateway:
        image = gateway.getObject("Image", response.objects[0].id.val)
        plane = image.getPrimaryPixels().getPlane(1, 2, 0)
        assert np.array_equal(plane, planes[2, 1])
        tile = image.getPrimaryPixels().getTile(0, 1, 0, (3, 5, 7, 11))
        assert np.array_equal(tile, planes[1, 0, 5:16, 3:10])
        picture = Image.open(io.BytesIO(image.getThumbnail((96,), direct=False)))
        assert picture.format == "JPEG"
        assert max(picture.size) == 96
        assert np.asarray(picture).std() > 10


def test_a_symlink_stays_a_link_and_its_deletion_spares_the_source(ada: Any, cells: Path) -> None:
    before = cells.read_bytes()
    process = speak.begin(ada, [cells], transfer="SymlinkFileTransfer")
    place = speak.place_of(ada, process, 0)
    fileset_id, response = speak.finish(ada, process, speak.symlink(ada, process, [cells]))
    assert isinstance(response, omero.grid.ImportResponse)
    assert place.is_symlink()
    assert place.readlink() == cells
    ada.submit(omero.cmd.Delete2(targetObjects={"Fileset": [fileset_id]}), loops=100, ms=100)
    assert not place.is_symlink()
    assert cells.read_bytes() == before
    assert speak.rows(ada, "select i.id from Image i where i.fileset.id = :id", id=fileset_id) == []


def test_digests_of_files_that_were_never_written_are_taken_in_one_call(
    ada: Any, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.dat" for number in range(4)]
    for number, path in enumerate(files):
        path.write_bytes(b"%d" % number)
    process = speak.begin(ada, files, transfer="SymlinkFileTransfer")
    repository = ada.getManagedRepository()
    ids = []
    for index, path in enumerate(files[:3]):
        uploader = process.getUploader(index)
        ids.append(uploader.getFileId().val)
        uploader.close()
        place = speak.place_of(ada, process, index)
        place.unlink(missing_ok=True)
        place.symlink_to(path)
    hasher = omero.model.ChecksumAlgorithmI()
    hasher.value = rstring("SHA1-160")
    assert repository.setChecksumAlgorithm(hasher, ids) == ids
    wanted = [speak.sha1(path) for path in files[:3]]
    assert _digests(ada, ids) == wanted
    # They have one now, and by another algorithm only of what still is what it was.
    assert repository.setChecksumAlgorithm(hasher, ids) == []
    hasher.value = rstring("MD5-128")
    files[1].write_bytes(b"another")
    with pytest.raises(omero.ServerError, match=f"hash mismatch on file ID {ids[1]}"):
        repository.setChecksumAlgorithm(hasher, ids)
    files[1].unlink()
    with pytest.raises(Ice.UnknownException, match=r"1\.dat cannot be read"):
        repository.setChecksumAlgorithm(hasher, ids[1:])
    assert _digests(ada, ids[1:]) == wanted[1:]


def _digests(client: Any, ids: list[int]) -> list[str]:
    hql = "select f.hash from OriginalFile f where f.id = :id"
    return [speak.rows(client, hql, id=file_id)[0][0] for file_id in ids]


def test_files_that_belong_together_are_one_image(ada: Any, tmp_path: Path) -> None:
    files = [tmp_path / "part0.ome.tif", tmp_path / "part1.ome.tif"]
    for path, own in zip(files, UUIDS, strict=True):
        xml = MULTI_FILE_XML.format(own=own, first=UUIDS[0], second=UUIDS[1])
        plane = np.full((12, 16), 7 * (1 + files.index(path)), np.uint8)
        tifffile.imwrite(path, plane, description=xml, metadata=None)
    _fileset, response = speak.import_files(ada, files)
    [image] = response.objects
    assert speak.rows(
        ada,
        "select s.globalMax from Channel c join c.statsInfo s where c.pixels.image.id = :id"
        " order by c.id",
        id=image.id.val,
    ) == [[7], [14]]


def test_a_plate_goes_to_its_screen(ada: Any, tmp_path: Path) -> None:
    name = "plate&plates=1&plateRows=2&plateCols=3&fields=2&plateAcqs=1&sizeX=32&sizeY=32.fake"
    path = tmp_path / name
    path.write_bytes(b"")
    screen = omero.model.ScreenI()
    screen.name = rstring("Toxicity")
    screen = ada.sf.getUpdateService().saveAndReturnObject(screen)
    _fileset, response = speak.import_files(
        ada,
        [path],
        reader="loci.formats.in.FakeReader",
        userSpecifiedTarget=screen,
        userSpecifiedName=rstring("Plate 7"),
    )
    assert [type(thing).__name__ for thing in response.objects] == ["PlateI"] + ["ImageI"] * 12
    plate_id = response.objects[0].id.val
    assert speak.rows(
        ada,
        "select p.name, l.parent.id from Plate p join p.screenLinks l where p.id = :id",
        id=plate_id,
    ) == [["Plate 7", screen.id.val]]
    wells = speak.rows(
        ada,
        "select w.row, w.column, size(w.wellSamples) from Well w where w.plate.id = :id"
        " order by w.row, w.column",
        id=plate_id,
    )
    assert wells == [[row, column, 2] for row in range(2) for column in range(3)]
    acquisitions = speak.rows(
        ada, "select count(a) from PlateAcquisition a where a.plate.id = :id", id=plate_id
    )
    assert acquisitions == [[1]]


def test_what_cannot_be_read_ends_in_err_and_leaves_its_fileset(ada: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.ome.tif"
    path.write_bytes(b"II*\x00" + b"\xff" * 200)
    fileset_id, response = speak.import_files(ada, [path])
    assert isinstance(response, omero.cmd.ERR)
    assert response.category == "::omero::grid::ImportRequest"
    assert response.name in ("error-on-init", "import-file-exception")
    assert path.name in response.parameters["filename"]
    assert response.parameters["message"]
    assert speak.rows(ada, "select f.id from Fileset f where f.id = :id", id=fileset_id)
    assert not speak.rows(ada, "select i.id from Image i where i.fileset.id = :id", id=fileset_id)
    logs = ada.sf.getMetadataService().loadLogFiles("omero.model.Fileset", [fileset_id])
    assert logs[fileset_id][0].size.val > 0


def test_a_wrong_checksum_names_its_file_and_can_be_mended(
    ada: Any, tmp_path: Path, cells: Path
) -> None:
    readme = tmp_path / "z.txt"
    readme.write_text("notes")
    files = [cells, readme]
    process = speak.begin(ada, files)
    right = speak.upload(process, files)
    with pytest.raises(omero.ChecksumValidationException) as caught:
        process.verifyUpload([right[0], "0" * 40])
    assert caught.value.failingChecksums == {1: right[1]}
    with pytest.raises(omero.ApiUsageException):
        process.verifyUpload(right[:1])
    _fileset, response = speak.finish(ada, process, right)
    assert isinstance(response, omero.grid.ImportResponse)


def test_what_the_server_never_wrote_to_gets_no_digest(ada: Any, tmp_path: Path) -> None:
    paths = [tmp_path / "linked.txt", tmp_path / "empty.txt"]
    paths[0].write_text("notes")
    paths[1].touch()
    process = speak.begin(ada, paths)
    saved = []
    for index, path in enumerate(paths):
        speak.place_of(ada, process, index).symlink_to(path)
        reader = process.getUploader(index, ada.getContext() | {"omero.fs.mode": "r"})
        saved.append(reader.save())
        reader.close()
    assert saved[0] is None
    assert saved[1].hash.val == speak.sha1(paths[1])
    with pytest.raises(omero.ChecksumValidationException) as caught:
        process.verifyUpload([speak.sha1(path) for path in paths])
    assert caught.value.failingChecksums == {0: ""}
    process.close()


def test_a_fileset_without_files_or_algorithm_is_refused(ada: Any, cells: Path) -> None:
    with pytest.raises(omero.ApiUsageException, match="No paths"):
        speak.begin(ada, [])
    with pytest.raises(omero.ApiUsageException, match="checksum algorithm"):
        speak.begin(ada, [cells], checksumAlgorithm=None)


def test_nothing_is_written_through_a_link(ada: Any, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"precious")
    process = speak.begin(ada, [source], reader="")
    place = speak.place_of(ada, process, 0)
    place.symlink_to(source)
    uploader = process.getUploader(0)
    with pytest.raises(omero.ServerError):
        uploader.write(b"spoilt", 0, 6)
    uploader.close()
    place.unlink()
    place.hardlink_to(source)
    uploader = process.getUploader(0)
    with pytest.raises(omero.SecurityViolation):
        uploader.write(b"spoilt", 0, 6)
    reader = process.getUploader(0)
    reader.close()
    assert source.read_bytes() == b"precious"


def test_an_administrator_has_the_files_checked(server: Any, tmp_path: Path, cells: Path) -> None:
    root = server.connect("root")
    process = speak.begin(root, [cells])
    place = speak.place_of(root, process, 0)
    speak.finish(root, process, speak.upload(process, [cells]))
    path = "/".join(place.parts[-5:])
    request = omero.grid.RawAccessRequest(
        command="checksum", args=["SHA1-160", speak.sha1(cells), path]
    )
    assert isinstance(root.submit(request).getResponse(), omero.cmd.OK)
    with place.open("ab") as file:
        file.write(b"rot")
    with pytest.raises(omero.CmdError) as caught:
        root.submit(request)
    assert caught.value.err.name == "checksum-mismatch"
    root.closeSession()


def test_annotations_of_the_settings_go_on_every_image(ada: Any, cells: Path) -> None:
    tag = omero.model.TagAnnotationI()
    tag.textValue = rstring("from the importer")
    _fileset, response = speak.import_files(ada, [cells], userSpecifiedAnnotationList=[tag])
    found = speak.rows(
        ada,
        "select a.textValue from ImageAnnotationLink l join l.child a where l.parent.id = :id",
        id=response.objects[0].id.val,
    )
    assert found == [["from the importer"]]


def test_the_repository_lists_what_it_holds(ada: Any, cells: Path) -> None:
    process = speak.begin(ada, [cells])
    place = speak.place_of(ada, process, 0)
    speak.finish(ada, process, speak.upload(process, [cells]))
    repository = ada.getManagedRepository()
    root = repository.root()
    inside = "/" + str(place.relative_to(Path(root.path.val) / root.name.val).parent)
    assert [row.name.val for row in repository.listFiles(inside)] == [cells.name]
    tree = unwrap(repository.treeList(inside))
    assert list(tree[inside]["files"]) == [f"{inside}/{cells.name}"]
    assert repository.fileExists(f"{inside}/{cells.name}")
    store = repository.file(f"{inside}/{cells.name}", "r")
    assert store.read(0, 4) == cells.read_bytes()[:4]
    store.close()
    with pytest.raises(omero.ValidationException):
        repository.listFiles("/../..")
    with pytest.raises(omero.ServerError):
        repository.deletePaths(["/../secret"], False, False)


@pytest.mark.parametrize("way", ["close", "detach", "kill"])
def test_an_import_holds_its_session_until_that_is_killed(
    server: Any, ada: Any, tmp_path: Path, way: str
) -> None:
    frames = 3000 if way == "kill" else 150  # of 20 ms each
    path = tmp_path / f"long&sizeX=32&sizeY=32&sizeT={frames}&sleepOpenBytes=20.fake"
    path.write_bytes(b"")
    client = server.connect("ada")
    process = speak.begin(client, [path], reader="loci.formats.in.FakeReader")
    place = speak.place_of(client, process, 0)
    handle = process.verifyUpload(speak.upload(process, [path]))
    fileset_id = handle.getRequest().activity.parent.id.val
    key = client.getSessionId()
    wait_until(lambda: "metadata are saved" in _log_of(place), "the first step")
    if way == "detach":
        client.sf.detachOnDestroy()
    if way == "kill":
        client.killSession()
    else:
        client.closeSession()
    wait_until(lambda: "Cleaning up import." in _log_of(place), "the import's end")
    assert ("done" in _log_of(place)) == (way != "kill")
    # The images come first; what their pixels tell comes when these are read.
    hql = "select p.sha1 from Pixels p where p.image.fileset.id = :id"
    ((sha1,),) = speak.rows(ada, hql, id=fileset_id)
    assert (sha1 == "Pending...") == (way == "kill")
    # With the import's end the session ends too: nobody else is in it.
    open_now = "select count(s) from Session s where s.uuid = :key and s.closed is null"
    wait_until(lambda: speak.rows(ada, open_now, key=key) == [[0]], "the session's end")


def _log_of(place: Path) -> str:
    return place.parent.with_name(place.parent.name + ".log").read_text()
