"""Clients that nobody here wrote: the omero command line, BlitzGateway and ezomero."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import omero
import pytest
import tifffile
from omero.cli import CLI
from omero.gateway import BlitzGateway, MapAnnotationWrapper

from tests.integration.embedded import protocol as speak

Omero = Callable[..., str]


@pytest.fixture(scope="module")
def imported(server: Any, cells: Path) -> tuple[int, int]:
    """Ids of a fileset that was linked in place, and of its image."""
    client = server.connect("ada")
    target = speak.dataset(client, "Pilot")
    process = speak.begin(
        client, [cells], transfer="SymlinkFileTransfer", userSpecifiedTarget=target
    )
    checksums = speak.symlink(client, process, [cells])
    fileset_id, response = speak.finish(client, process, checksums)
    client.closeSession()
    return fileset_id, response.objects[0].id.val


@pytest.fixture(scope="module")
def omero_cli(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Omero]:
    """What `omero` prints, run in this process: it refuses to run as root, and starts slowly."""

    def run(*arguments: str) -> str:
        printed = io.StringIO()
        cli = CLI()
        cli.loadplugins()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            cli.invoke(list(arguments), strict=True)
            cli.close()
        return printed.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMERO_USERDIR", str(tmp_path_factory.mktemp("home") / "omero"))
        patch.setenv("OMERO_PASSWORD", server.secret)
        run("login", "-g", "demo", f"ada@127.0.0.1:{server.facts['port']}")
        yield run
        run("logout")


@pytest.fixture(params=[True, False], ids=["ssl", "tcp"])
def gateway(request: pytest.FixtureRequest, server: Any) -> Iterator[Any]:
    connection = BlitzGateway(
        "ada",
        server.secret,
        host="127.0.0.1",
        port=server.facts["port"],
        secure=request.param,
    )
    assert connection.connect()
    assert connection.isSecure() == request.param
    yield connection
    connection.close()


def test_the_command_line_lists_what_was_imported(
    omero_cli: Omero, imported: tuple[int, int], cells: Path
) -> None:
    fileset_id, image_id = imported
    assert cells.name in omero_cli("hql", "-q", f"from Image i where i.id = {image_id}")
    sets = omero_cli("fs", "sets", "--with-transfer", "ln_s", "--style", "plain")
    assert [row.split(",")[1] for row in sets.split()] == [str(fileset_id)]
    assert sets.strip().endswith(",1,1,ln_s")
    assert "Managed" in omero_cli("fs", "repos")
    assert omero_cli("fs", "ls", f"Fileset:{fileset_id}").strip().endswith(cells.name)
    assert "done" in omero_cli("fs", "logfile", f"Fileset:{fileset_id}")
    assert f"fileset=Fileset:{fileset_id}" in omero_cli("obj", "get", f"Image:{image_id}")


def test_the_command_line_measures_what_was_imported(
    omero_cli: Omero, imported: tuple[int, int], cells: Path
) -> None:
    fileset_id, image_id = imported
    phases = omero_cli("fs", "importtime", f"Fileset:{fileset_id}")
    assert "upload" in phases and "metadata" in phases
    bytes_of_cells = cells.stat().st_size
    report = omero_cli("fs", "usage", f"Image:{image_id}", "--report", "--style", "csv")
    assert f"FilesetEntry,{bytes_of_cells},1" in report
    assert "Job," in report
    everything = omero_cli("fs", "usage", "--size-only")
    assert int(everything) >= bytes_of_cells


def test_the_command_line_deletes_below_an_object(omero_cli: Omero) -> None:
    project = omero_cli("obj", "new", "Project", "name=outer").strip()
    dataset = omero_cli("obj", "new", "Dataset", "name=inner").strip()
    omero_cli("obj", "new", "ProjectDatasetLink", f"parent={project}", f"child={dataset}")
    number = project.partition(":")[2]
    planned = omero_cli("delete", "--dry-run", "--report", f"Project/Dataset:{number}")
    assert dataset in planned
    assert omero_cli("obj", "get", dataset, "name").strip() == "inner"
    assert dataset in omero_cli("delete", "--report", f"Project/Dataset:{number}")
    left = omero_cli("hql", "-q", "--style", "csv", "select d.id from Dataset d")
    assert dataset.partition(":")[2] not in left
    assert omero_cli("obj", "get", project, "name").strip() == "outer"


def test_the_command_line_changes_objects(omero_cli: Omero) -> None:
    dataset = omero_cli("obj", "new", "Dataset", "name=by hand").strip()
    omero_cli("obj", "update", dataset, "description=changed")
    assert omero_cli("obj", "get", dataset, "description").strip() == "changed"
    tag = omero_cli("tag", "create", "--name", "stained", "--desc", "with care").strip()
    omero_cli("tag", "link", dataset, tag.partition(":")[2])
    assert "stained" in omero_cli("tag", "list")
    assert "ok" in omero_cli("delete", dataset)


def test_the_command_line_knows_users_and_sessions(omero_cli: Omero) -> None:
    assert "Ramón y Cajal" in omero_cli("user", "list")
    assert "private-lab" in omero_cli("group", "list")
    omero_cli("sessions", "timeout", "1200")
    assert omero_cli("sessions", "timeout").strip().startswith("1200")
    assert "ada" in omero_cli("sessions", "who")


def test_the_command_line_downloads_the_files(
    omero_cli: Omero, imported: tuple[int, int], cells: Path, tmp_path: Path
) -> None:
    omero_cli("download", f"Image:{imported[1]}", str(tmp_path))
    assert (tmp_path / cells.name).read_bytes() == cells.read_bytes()


def test_the_gateway_walks_the_hierarchy(
    gateway: Any, imported: tuple[int, int], cells: Path
) -> None:
    fileset_id, image_id = imported
    image = gateway.getObject("Image", image_id)
    assert (image.getSizeX(), image.getSizeC(), image.getPixelsType()) == (50, 3, "uint16")
    assert image.getPixelSizeX(units=True).getSymbol() == "µm"
    assert image.getParent().getName() == "Pilot"
    assert image_id in [child.getId() for child in image.getParent().listChildren()]
    assert image.getFileset().getId() == fileset_id
    paths = image.getImportedImageFilePaths()
    assert paths["client_paths"] == [str(cells).lstrip("/")]
    assert paths["server_paths"][0].endswith(cells.name)
    assert [c.getLabel() for c in image.getChannels()] == ["DAPI", "GFP", "TRITC"]
    assert image.getChannels()[1].getWindowEnd() == 7999
    assert image.getOwner().getFullName() == "Ada Lovelace"


def test_the_gateway_draws(gateway: Any, imported: tuple[int, int], cells: Path) -> None:
    image = gateway.getObject("Image", imported[1])
    assert image.getThumbnail()[:2] == b"\xff\xd8"
    assert image.renderImage(0, 0).size == (50, 40)
    plane = image.getPrimaryPixels().getPlane(1, 0, 0)
    assert np.array_equal(plane, tifffile.imread(cells)[0, 1])
    assert imported[1] in gateway.getThumbnailSet([imported[1]])


def test_the_gateway_shows_a_channel_otherwise(gateway: Any, imported: tuple[int, int]) -> None:
    image = gateway.getObject("Image", imported[1])
    image.setActiveChannels([2], [[0, 100]], ["FF0000"])
    assert [channel.isActive() for channel in image.getChannels()] == [False, True, False]
    assert image.getChannels()[1].getColor().getHtml() == "FF0000"
    owners = {settings["owner"]["id"] for settings in image.getAllRenderingDefs()}
    assert image.getOwner().getId() in owners


def test_the_gateway_annotates_and_deletes(gateway: Any, imported: tuple[int, int]) -> None:
    image = gateway.getObject("Image", imported[1])
    pairs = MapAnnotationWrapper(gateway)
    pairs.setNs("test.gateway")
    pairs.setValue([["organism", "H. sapiens"]])
    pairs.save()
    image.linkAnnotation(pairs)
    [found] = image.listAnnotations(ns="test.gateway")
    assert found.getValue() == [("organism", "H. sapiens")]
    gateway.deleteObjects("Annotation", [found.getId()], wait=True)
    image = gateway.getObject("Image", imported[1])
    assert not list(image.listAnnotations(ns="test.gateway"))


def test_ezomero_reads_and_writes(gateway: Any, imported: tuple[int, int], cells: Path) -> None:
    image_id = imported[1]
    dataset_id = gateway.getObject("Image", image_id).getParent().getId()
    assert ezomero.get_image_ids(gateway, dataset=dataset_id) == [image_id]
    project_id = ezomero.post_project(gateway, "Cells")
    assert ezomero.post_dataset(gateway, "New", project_id=project_id) in ezomero.get_dataset_ids(
        gateway, project=project_id
    )
    annotation_id = ezomero.post_map_annotation(gateway, "Image", image_id, {"stain": "DAPI"}, "t")
    assert annotation_id in ezomero.get_map_annotation_ids(gateway, "Image", image_id)
    assert ezomero.get_map_annotation(gateway, annotation_id) == {"stain": "DAPI"}
    client_path = ezomero.get_original_filepaths(gateway, image_id, fpath="client")
    assert client_path == [str(cells)]
    _image, pixels = ezomero.get_image(gateway, image_id, dim_order="tczyx")
    assert np.array_equal(pixels[0], tifffile.imread(cells))
    assert ezomero.get_group_id(gateway, "demo")
    rectangle = ezomero.rois.Rectangle(1, 2, 3, 4)
    roi_id = ezomero.post_roi(gateway, image_id, [rectangle])
    assert roi_id in ezomero.get_roi_ids(gateway, image_id)


def test_ezomero_posts_images(gateway: Any, imported: tuple[int, int], server: Any) -> None:
    pixels = np.arange(8 * 6 * 3 * 2, dtype=np.uint16).reshape(8, 6, 3, 2, 1)
    posted = ezomero.post_image(gateway, pixels, "segmented", dim_order="xyzct")
    like = ezomero.post_image(
        gateway,
        np.ones((50, 40, 2, 2, 1), np.uint16),
        "like the other",
        dim_order="xyzct",
        source_image_id=imported[1],
        channel_list=[2, 0],
    )
    assert np.array_equal(ezomero.get_image(gateway, posted, xyzct=True)[1], pixels)
    channels = gateway.getObject("Image", like).getChannels()
    assert [channel.getLabel() for channel in channels] == ["TRITC", "DAPI"]
    image = gateway.getObject("Image", posted)
    assert image.getChannels()[1].getWindowMax() == pixels.max()
    assert image.getThumbnail()[:2] == b"\xff\xd8"
    written = server.folder / "Pixels" / str(image.getPixelsId())
    assert written.stat().st_size == pixels.nbytes
    gateway.deleteObjects("Image", [posted, like], wait=True)
    assert not written.exists()


def test_only_pixels_of_ones_own_that_were_not_imported_are_written(
    gateway: Any, imported: tuple[int, int], server: Any
) -> None:
    plane = np.zeros((4, 4), np.uint8)
    own = gateway.createImageFromNumpySeq(iter([plane]), "own").getPixelsId()
    grace = server.connect("grace")
    for client, pixels_id in ((gateway.c, imported_pixels(gateway, imported)), (grace, own)):
        store = client.sf.createRawPixelsStore()
        store.setPixelsId(pixels_id, True)
        with pytest.raises(omero.SecurityViolation, match="may not be written"):
            store.setTile(b"x", 0, 0, 0, 0, 0, 1, 1)
        store.close()
    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(own, True)
    for content, x in ((b"xx", 0), (b"x", 4)):
        with pytest.raises(omero.ApiUsageException):
            store.setTile(content, 0, 0, 0, x, 0, 1, 1)
    store.setTile(b"x", 0, 0, 0, 3, 1, 1, 1)
    assert store.getPlane(0, 0, 0) == b"\0" * 7 + b"x" + b"\0" * 8
    assert len(store.save().sha1.val) == 40
    grace.closeSession()


def imported_pixels(gateway: Any, imported: tuple[int, int]) -> int:
    return int(gateway.getObject("Image", imported[1]).getPixelsId())


def test_viewers_ask_for_levels_projections_and_inversions(
    gateway: Any, imported: tuple[int, int]
) -> None:
    image = gateway.getObject("Image", imported[1])
    assert image.renderJpegRegion(0, 0, 40, 30, 20, 20, level=0)[:2] == b"\xff\xd8"
    assert image.renderBirdsEyeView(32)[:2] == b"\xff\xd8"
    image.setActiveChannels([1], [[0, 100]], ["FFFFFF"])
    bright = np.asarray(image.renderImage(0, 0)).mean()
    image.setChannelInverted(0, True)
    assert np.asarray(image.renderImage(0, 0)).mean() < 255 - bright + 3
    image.setQuantizationMap(0, "polynomial", 0.5)
    image.setProjection("intmax")
    assert image.renderImage(0, 0).size == (50, 40)
    for is_inverted in (True, False, True):
        image.setChannelInverted(0, is_inverted)
        assert image.saveDefaults()
        again = gateway.getObject("Image", imported[1])
        assert again.getChannels()[0].isInverted() is is_inverted
    assert again.getChannels()[0].getFamily().getValue() == "polynomial"
    again.resetDefaults()
    (first, *_others) = gateway.getObject("Image", imported[1]).getChannels()
    assert not first.isInverted()
    assert first.getFamily().getValue() == "linear"


def test_original_metadata_is_asked_for_in_vain_but_answered(
    gateway: Any, imported: tuple[int, int]
) -> None:
    assert gateway.getObject("Image", imported[1]).loadOriginalMetadata() == (None, [], [])
