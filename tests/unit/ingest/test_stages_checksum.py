"""checksum vouches for bytes, and for nothing that the manifest contradicts."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from ingest.context import Context
from ingest.digests import digest_bytes
from ingest.fileset import Fileset, Record, StageError
from ingest.omero import repository
from ingest.source_errors import SourceChanged
from ingest.stages.checksum import STAGE

MakeRecord = Callable[..., Record]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "set"
    (folder / "sub").mkdir(parents=True)
    for name in ("a b.tif", "c.tif", "sub/d.tif"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def upstream(folder: Path, source_record: MakeRecord) -> Record:
    return source_record(
        "x", folder, folder / "a b.tif", folder / "c.tif", folder / "sub" / "d.tif"
    )


@pytest.fixture
def row(folder: Path) -> Fileset:
    return Fileset("x", 2, str(folder))


def md5(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def test_every_file_gets_omeros_and_the_archives_digest(
    context: Context, row: Fileset, upstream: Record
) -> None:
    record = STAGE.run(row, upstream, context)
    assert [file.name for file in record.files] == ["a b.tif", "c.tif", "sub/d.tif"]
    for file in record.files:
        content = file.name.encode()
        assert dict(file.digests) == {
            **digest_bytes(content, ["Murmur3-128"]),
            "BLAKE3": blake3(content).hexdigest(),
        }
    assert (record.status, record.stage, record.fileset) == ("ok", "checksum", "x")
    assert record.facts == {
        "reader": "loci.formats.in.TiffReader",
        "format": "TIFF",
        "bytes": 21,
        "algorithm": "Murmur3-128",
    }


def test_the_rows_algorithm_alone(
    make_context: Callable[..., Context], row: Fileset, upstream: Record
) -> None:
    context = make_context(checksum={"archive": "none"})
    record = STAGE.run(replace(row, checksum_algorithm="File-Size-64"), upstream, context)
    assert dict(record.files[0].digests) == {"File-Size-64": "0700000000000000"}
    assert record.facts["algorithm"] == "File-Size-64"


def done(context: Context, record: Record) -> Record:
    """What the runner leaves in the journal."""
    context.journal.append("x", "checksum", "done", key="k", record=record.to_json())
    return record


def test_earlier_algorithms_are_kept_for_what_is_imported_by_them(
    context: Context, row: Fileset, upstream: Record
) -> None:
    for algorithm, kept in [
        ("Murmur3-128", {"Murmur3-128"}),
        ("MD5-128", {"Murmur3-128", "MD5-128"}),
        ("CRC-32", {"Murmur3-128", "MD5-128", "CRC-32"}),
    ]:
        record = done(
            context, STAGE.run(replace(row, checksum_algorithm=algorithm), upstream, context)
        )
        assert record.facts["algorithm"] == algorithm
        assert all(set(file.digests) == kept | {"BLAKE3"} for file in record.files)


def test_sources_that_a_later_stage_removed_keep_the_algorithm_they_had(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    first = done(context, STAGE.run(row, upstream, context))
    (folder / "c.tif").unlink()
    other = replace(row, checksum_algorithm="SHA1-160")
    with pytest.raises(StageError, match=r"c\.tif"):
        STAGE.run(other, upstream, context)
    context.journal.append("x", "import", "intent", removes=[str(folder / "c.tif")])
    assert STAGE.run(other, upstream, context).to_json() == first.to_json()


def test_a_row_that_names_no_algorithm_asks_its_server(
    context: Context, row: Fileset, upstream: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(row, checksum_algorithm="auto")
    monkeypatch.setattr(repository, "negotiated_algorithm", lambda _context: "SHA1-160")
    record = STAGE.run(row, upstream, context)
    assert record.facts["algorithm"] == "SHA1-160"
    assert "SHA1-160" in record.files[0].digests
    assert STAGE.still_holds(row, record, context)
    monkeypatch.setattr(repository, "negotiated_algorithm", lambda _context: "MD5-128")
    assert not STAGE.still_holds(row, record, context)


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (["SHA1-160", "Murmur3-128"], "Murmur3-128"),
        (["CRC-32", "SHA1-160"], "CRC-32"),
        ([], None),
    ],
)
def test_what_is_agreed_with_a_server(offered: list[str], agreed: str | None) -> None:
    class Server:
        def suggestChecksumAlgorithm(self, wanted: list[Any]) -> Any:
            names = [algorithm.getValue().getValue() for algorithm in wanted]
            found = [name for name in offered if name in names]
            return repository.checksum_algorithm(found[0]) if found else None

    negotiating = repository.ManagedRepository(Server(), Path("/"))
    if agreed:
        assert negotiating.negotiated_algorithm() == agreed
    else:
        with pytest.raises(StageError, match="computes none of OMERO's checksums"):
            negotiating.negotiated_algorithm()


def test_a_checksum_of_the_manifest_is_compared(
    context: Context, folder: Path, source_record: MakeRecord
) -> None:
    upstream = source_record("x", folder, folder / "c.tif")
    row = Fileset("x", 2, str(folder / "c.tif"), checksum=f"md5:{md5('c.tif').upper()}")
    record = STAGE.run(row, upstream, context)
    assert record.files[0].digests["MD5-128"] == md5("c.tif")
    wrong = replace(row, checksum=f"md5:{md5('other')}")
    with pytest.raises(StageError) as caught:
        STAGE.run(wrong, upstream, context)
    for part in (str(folder / "c.tif"), "MD5-128", md5("c.tif"), md5("other")):
        assert part in caught.value.cause
    assert "Copy the file again" in caught.value.remedy


def test_one_checksum_for_several_files_is_refused(
    context: Context, row: Fileset, upstream: Record
) -> None:
    with pytest.raises(StageError, match="fileset has 3 files") as caught:
        STAGE.run(replace(row, checksum=f"md5:{md5('c.tif')}"), upstream, context)
    assert "`checksums`" in caught.value.remedy


def test_an_unusable_checksum_is_refused(
    context: Context, folder: Path, source_record: MakeRecord
) -> None:
    upstream = source_record("x", folder, folder / "c.tif")
    with pytest.raises(StageError, match="'whirl:00'"):
        STAGE.run(Fileset("x", 2, str(folder), checksum="whirl:00"), upstream, context)


NAMES = ("a b.tif", "c.tif", "sub/d.tif")


@pytest.mark.parametrize(
    ("place", "prefix"), [(".", "set/"), ("set", ""), ("elsewhere", ""), ("set/sub", "../")]
)
def test_a_checksum_file_lists_names_relative_to_itself_or_to_the_fileset(
    context: Context, row: Fileset, upstream: Record, folder: Path, place: str, prefix: str
) -> None:
    path = Path(os.path.normpath(folder.parent / place / "MD5SUMS"))
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{md5(name)}  {prefix}{name}\r\n" for name in NAMES))
    record = STAGE.run(replace(row, checksums=str(path)), upstream, context)
    assert [file.digests["MD5-128"] for file in record.files] == [md5(name) for name in NAMES]


def test_a_name_is_taken_relative_to_the_checksum_file_first(
    context: Context, folder: Path, source_record: MakeRecord
) -> None:
    upstream = source_record("x", folder, folder / "c.tif")
    path = folder.parent / "MD5SUMS"
    path.write_text(f"{md5('another')}  c.tif\n{md5('c.tif')}  set/c.tif\n")
    row = Fileset("x", 2, str(folder / "c.tif"), checksums=str(path))
    assert STAGE.run(row, upstream, context).status == "ok"


def test_absolute_names_and_several_algorithms_in_a_checksum_file(
    context: Context, folder: Path, source_record: MakeRecord
) -> None:
    upstream = source_record("x", folder, folder / "c.tif")
    sha1 = hashlib.sha1(b"c.tif").hexdigest()
    path = folder / "sums"
    path.write_text(f"MD5 ({folder}/c.tif) = {md5('c.tif')}\n{sha1}  {folder}/c.tif\n")
    row = Fileset("x", 2, str(folder / "c.tif"), checksums=str(path))
    assert STAGE.run(row, upstream, context).files[0].digests["SHA1-160"] == sha1
    path.write_text(f"MD5 ({folder}/c.tif) = {md5('c.tif')}\n{'0' * 40}  {folder}/c.tif\n")
    with pytest.raises(StageError, match="SHA1-160"):
        STAGE.run(row, upstream, context)


def test_a_file_that_the_checksum_file_does_not_list_is_refused(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    path = folder / "MD5SUMS"
    path.write_text(f"{md5('a b.tif')}  a b.tif\n{md5('c.tif')}  c.tif\n")
    with pytest.raises(StageError, match="does not list") as caught:
        STAGE.run(replace(row, checksums=str(path)), upstream, context)
    assert str(folder / "sub" / "d.tif") in caught.value.cause
    assert str(folder / "c.tif") not in caught.value.cause


def test_every_file_that_differs_is_named(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    path = folder / "MD5SUMS"
    path.write_text("".join(f"{md5(name.replace('d', 'e'))}  {name}\n" for name in NAMES))
    (folder / "c.tif").write_text("C.TIF")
    os.utime(folder / "c.tif", ns=(upstream.files[1].mtime_ns,) * 2)
    with pytest.raises(StageError, match="checksum mismatch") as caught:
        STAGE.run(replace(row, checksums=str(path)), upstream, context)
    assert [name for name in NAMES if f"{folder / name} has" in caught.value.cause] == [
        "c.tif",
        "sub/d.tif",
    ]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "does not exist"), ("rubbish\n", "line 1 is neither")]
)
def test_an_unusable_checksum_file_is_refused(
    context: Context,
    row: Fileset,
    upstream: Record,
    folder: Path,
    content: str | None,
    message: str,
) -> None:
    path = folder / "MD5SUMS"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StageError, match=message) as caught:
        STAGE.run(replace(row, checksums=str(path)), upstream, context)
    assert str(path) in caught.value.cause


def test_a_file_that_changed_since_it_was_found_is_refused(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    (folder / "c.tif").write_text("longer than before")
    with pytest.raises(SourceChanged, match=r"c\.tif"):
        STAGE.run(row, upstream, context)


def test_a_file_that_vanished_is_refused(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    (folder / "c.tif").unlink()
    with pytest.raises(StageError, match=r"c\.tif does not exist"):
        STAGE.run(row, upstream, context)


@pytest.mark.parametrize("change", ["size", "mtime_ns", "inode"])
def test_digests_hold_while_the_files_are_the_same(
    context: Context, row: Fileset, upstream: Record, folder: Path, change: str
) -> None:
    record = STAGE.run(row, upstream, context)
    assert STAGE.still_holds(row, record, context)
    path = folder / "c.tif"
    if change == "inode":
        os.link(path, folder / "kept")  # or the file system may give the number out again
        path.unlink()
    path.write_text("longer than before" if change == "size" else "c.tif")
    mtime = record.files[1].mtime_ns + (change == "mtime_ns")
    os.utime(path, ns=(mtime, mtime))
    assert not STAGE.still_holds(row, record, context)


def test_digests_do_not_hold_against_another_checksum_file(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    path = folder.parent / "MD5SUMS"
    path.write_text("".join(f"{md5(name)}  set/{name}\n" for name in NAMES))
    row = replace(row, checksums=str(path))
    record = STAGE.run(row, upstream, context)
    assert STAGE.still_holds(row, record, context)
    path.write_text(path.read_text().replace(md5("c.tif"), md5("other")))
    assert not STAGE.still_holds(row, record, context)


def test_digests_hold_when_a_later_stage_moved_the_files(
    context: Context, row: Fileset, upstream: Record, folder: Path
) -> None:
    record = STAGE.run(row, upstream, context)
    (folder / "c.tif").unlink()
    assert not STAGE.still_holds(row, record, context)
    context.journal.append("x", "transfer", "intent", removes=[str(folder / "c.tif")])
    assert STAGE.still_holds(row, record, context)


def test_settings_and_fields_that_matter(context: Context) -> None:
    assert STAGE.settings(context.config) == {"archive": "BLAKE3"}
    assert STAGE.uses == ("checksum", "checksums", "checksum_algorithm")
