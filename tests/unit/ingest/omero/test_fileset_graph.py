import json
from pathlib import Path

import pytest
from omero.model import TagAnnotationI
from omero.rtypes import unwrap

from ingest.fileset import SourceFile, StageError
from ingest.omero.fileset_graph import (
    AS_IMPORTED,
    ImportRequest,
    build_fileset,
    build_settings,
    client_paths,
)


def source(path: str) -> SourceFile:
    return SourceFile(path, path, Path(path).name, 3, 0, 0, {"MD5-128": f"digest of {path}"})


def request(*paths: str, **changes: object) -> ImportRequest:
    values = {
        "import_id": "id-1",
        "files": tuple(source(path) for path in paths),
        "transfer": "ln_s",
        "algorithm": "MD5-128",
        **changes,
    }
    return ImportRequest(**values)  # type: ignore[arg-type]


def test_entries_keep_the_order_of_the_files() -> None:
    fileset = build_fileset(request("/d/z.tif", "/d/a b:1.tif"))
    paths = [entry.getClientPath().getValue() for entry in fileset.copyUsedFiles()]
    assert paths == ["d/z.tif", "d/a b;1.tif"]
    assert request("/d/z.tif", "/d/a.tif").digests == ["digest of /d/z.tif", "digest of /d/a.tif"]


@pytest.mark.parametrize(
    ("transfer", "java_class"),
    [
        ("ln_s", "SymlinkFileTransfer"),
        ("ln", "HardlinkFileTransfer"),
        ("cp", "CopyFileTransfer"),
        ("upload", None),
    ],
)
def test_annotations_name_transfer_and_import(transfer: str, java_class: str | None) -> None:
    fileset = build_fileset(request("/d/a.tif", transfer=transfer))
    comments = {
        comment.getNs().getValue(): comment.getTextValue().getValue()
        for comment in fileset.linkedAnnotationList()
    }
    expected = {"omero-ingest/import-id": "id-1"}
    if java_class:
        namespace = "openmicroscopy.org/omero/import/fileTransfer"
        expected[namespace] = f"ome.formats.importer.transfers.{java_class}"
    assert comments == expected


def test_exactly_one_upload_job_whose_first_version_is_the_reader() -> None:
    (job,) = build_fileset(request("/d/a.tif", reader="loci.formats.in.X")).linkedJobList()
    assert type(job).__name__ == "UploadJobI"
    first = job.getVersionInfo()[0]
    assert (first.name, first.value) == ("bioformats.reader", "loci.formats.in.X")
    assert all(version.value for version in job.getVersionInfo())


def test_no_reader_is_left_out() -> None:
    (job,) = build_fileset(request("/d/a.tif")).linkedJobList()
    assert "bioformats.reader" not in [version.name for version in job.getVersionInfo()]


def test_settings() -> None:
    settings = build_settings(
        request("/d/a.tif", target=("Screen", 7), name="n", thumbnails=False, minmax=True)
    )
    assert unwrap(settings.doThumbnails) is False
    assert unwrap(settings.noStatsInfo) is False
    assert settings.checksumAlgorithm.getValue().getValue() == "MD5-128"
    target = settings.userSpecifiedTarget
    assert (type(target).__name__, target.getId().getValue()) == ("ScreenI", 7)
    assert (unwrap(settings.userSpecifiedName), settings.userSpecifiedDescription) == ("n", None)


def test_settings_that_only_some_rows_have() -> None:
    plain = build_settings(request("/d/a.tif"))
    # Not None: the server tells an empty list from none, and makes nothing of either.
    assert (plain.userSpecifiedAnnotationList, plain.userSpecifiedPixels) == ([], [])
    wanted = request("/d/a.tif", pixel_size=(1.0, 2.0, 3.0), comments=(("", "a"), ("n", "b")))
    tag = TagAnnotationI(7, False)
    settings = build_settings(wanted, [tag])
    assert settings.userSpecifiedPixels == [1.0, 2.0, 3.0]
    linked, *made = settings.userSpecifiedAnnotationList
    assert linked is tag
    assert [(unwrap(c.getNs()), unwrap(c.getTextValue())) for c in made] == [
        (None, "a"),
        ("n", "b"),
    ]


def test_the_journal_and_a_request_tell_the_same() -> None:
    wanted = request("/d/a.tif", pixel_size=(1.0, 2.0, 3.0), comments=(("n", "b"),), name="x")
    assert json.loads(json.dumps(wanted.as_imported)) == wanted.as_imported
    assert set(wanted.as_imported) == set(AS_IMPORTED)


def test_files_that_would_have_one_client_path_are_refused() -> None:
    with pytest.raises(StageError, match="same name in OMERO"):
        client_paths([source("/d/a:1.tif"), source("/d/a;1.tif")])
