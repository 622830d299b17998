"""Files that belong together: as Bio-Formats says, by folder, by names, and ready markers."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

import imageformats
from tests.fixtures.ome_tiff import write_ome_tiff, write_plate, write_time_series

from .box import Box


@pytest.fixture
def images(box: Box) -> Box:
    box.tree = {"group_by": "bioformats"}
    return box


def put_aside(path: Path) -> bytes:
    content = path.read_bytes()
    path.unlink()
    return content


def test_a_set_is_handed_on_whole_when_its_last_file_has_settled(images: Box) -> None:
    files = write_time_series(images.root / "ada")
    last = put_aside(files[1])

    account = images.settle()
    assert account.filesets == 0
    assert "Missing file" in account.refused[str(files[0])]
    files[1].write_bytes(last)
    assert images.scan().filesets == 0
    assert images.scan().filesets == 1

    assert images.handed == [[f"ada/{path.name}" for path in files]]
    (row,) = images.rows
    assert row["path"] == str(images.root / "ada")
    assert row["files"] == ";".join(path.name for path in files)
    assert images.scan().refused == {}


def test_a_set_waits_while_a_file_of_another_kind_arrives_beside_it(images: Box) -> None:
    companion, *fields = write_plate(images.root / "ada" / "p")
    write_ome_tiff(images.root / "ada" / "alone.ome.tif")
    content = put_aside(companion)
    images.scan()
    companion.write_bytes(content)
    account = images.scan()
    assert account.filesets == 1
    assert account.waiting[str(fields[0])] == f"{companion} is still arriving"
    assert images.scan().filesets == 1
    assert sorted(map(len, images.handed)) == [1, 1 + len(fields)]


def test_a_slow_writer_holds_up_no_image_of_its_kind(images: Box) -> None:
    write_ome_tiff(images.root / "slow.ome.tif")
    images.tree["user"] = "ada"
    write_ome_tiff(images.root / "a.ome.tif")
    images.scan()
    with (images.root / "slow.ome.tif").open("ab") as file:
        file.write(b"more")
    images.scan()
    assert images.handed == [["a.ome.tif"]]


def test_a_member_that_is_replaced_makes_the_set_a_new_fileset(images: Box) -> None:
    files = write_time_series(images.root / "ada")
    images.settle()
    files[2].write_bytes(files[2].read_bytes() + b"x")
    assert images.settle().filesets == 1
    assert [len(handed) for handed in images.handed] == [3, 3]


def test_what_bioformats_cannot_read_is_told_once_until_something_changes(
    images: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = images.write("ada/broken.tif", b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 40)
    text = images.write("ada/notes.txt", "measured on Monday")
    account = images.settle()
    assert account.refused.keys() == {str(broken), str(text)}

    with monkeypatch.context() as patched:
        patched.setattr(imageformats, "grouping_apart", nullcontext)  # nothing is opened any more
        account = images.settle()
        assert (account.refused.keys(), account.news) == ({str(broken), str(text)}, set())
    write_ome_tiff(broken)
    assert images.settle().filesets == 1
    assert images.scan().refused.keys() == {str(text)}


def test_a_file_that_keeps_bioformats_busy_is_refused_and_stops_no_other(
    images: Box,
) -> None:
    images.options_of_watch = {"read_limit": 10}
    endless = images.write("ada/b&sleepInitFile=3600000.fake")
    write_ome_tiff_of(images, "ada/a.ome.tif")
    write_ome_tiff_of(images, "ada/c.ome.tif")
    account = images.settle()
    assert account.filesets == 2
    assert account.refused.keys() == {str(endless)}
    assert "after 10 seconds; touch it" in account.refused[str(endless)]
    write_ome_tiff_of(images, "ada/d.ome.tif")
    images.options_of_watch = {"read_limit": 3600}  # it is not opened again
    assert images.settle().filesets == 1


def test_a_set_that_reaches_out_of_its_users_folder_is_refused(images: Box) -> None:
    first, second, *_ = write_time_series(images.root / "ada")
    (images.root / "eve").mkdir()
    for path in images.root.rglob("*.tif"):
        path.write_bytes(path.read_bytes().replace(b"movie_T1.ome.tif", b"../eve/T1.om.tif"))
    second.rename(images.root / "eve" / "T1.om.tif")
    assert "lies outside" in images.settle().refused[str(first)]
    assert images.rows == []


def test_a_copy_under_another_name_is_told_from_its_original(images: Box) -> None:
    files = write_time_series(images.root / "ada")
    (images.root / "ada/copy.ome.tif").write_bytes(files[0].read_bytes())
    account = images.settle()
    assert "copy" in account.refused[str(images.root / "ada/copy.ome.tif")]
    assert [len(handed) for handed in images.handed] == [3]


def test_only_named_readers_are_taken(images: Box) -> None:
    images.tree["readers"] = ["ZeissCZIReader"]
    path = write_ome_tiff_of(images, "ada/a.ome.tif")
    assert "OMETiffReader" in images.settle().refused[str(path)]


def test_one_folder_is_one_fileset(box: Box) -> None:
    box.tree = {"group_by": "folder"}
    for name in ("set/a.tif", "set/deep/b.tif", "set/Thumbs.db", "single.tif"):
        box.write(f"ada/{name}", name)
    part = box.write("ada/set/c.tif.part")
    box.scan()
    assert box.scan(10).filesets == 0
    part.rename(box.root / "ada/set/c.tif")
    box.scan()
    box.scan()
    assert box.handed == [
        ["ada/set/a.tif", "ada/set/c.tif", "ada/set/deep/b.tif"],
        ["ada/single.tif"],
    ]
    by_path = {Path(row["path"]).name: row["files"] for row in box.rows}
    assert by_path == {"set": "", "single.tif": ""}


def test_folders_one_level_deeper(box: Box) -> None:
    box.tree = {"group_by": "folder:2"}
    for name in ("day1/set1/a.tif", "day1/set1/b.tif", "day1/set2/c.tif", "day1/d.tif"):
        box.write(f"ada/{name}", name)
    box.settle()
    assert sorted(map(len, box.handed)) == [1, 1, 2]


def test_names_that_match_a_pattern_are_one_fileset(box: Box) -> None:
    box.tree = {"group_by": r"(.+)_t\d+[.]tif"}
    for name in ("x_t10.tif", "x_t2.tif", "y_t1.tif", "other.tif"):
        box.write(f"ada/{name}", name)
    box.write("grace/x_t1.tif", "elsewhere")
    box.scan()
    box.write("ada/y_t2.tif", "late")
    box.scan()
    assert box.handed == [
        ["ada/other.tif"], ["ada/x_t2.tif", "ada/x_t10.tif"], ["grace/x_t1.tif"],
    ]  # fmt: skip
    box.scan()
    assert ["ada/y_t1.tif", "ada/y_t2.tif"] in box.handed


def test_a_name_that_a_manifest_cannot_list_is_refused(box: Box) -> None:
    box.tree = {"group_by": r"(.+)_t\d+[.]tif"}
    odd = box.write("ada/a;b_t1.tif", "1")
    box.write("ada/a;b_t2.tif", "2")
    box.write("ada/c;d.tif", "3")
    account = box.settle()
    assert "semicolon" in account.refused[str(odd)]
    assert box.handed == [["ada/c;d.tif"]]


@pytest.mark.parametrize("group_by", ["bioformats", "folder"])
def test_a_ready_marker_takes_the_place_of_waiting(box: Box, group_by: str) -> None:
    box.tree = {"group_by": group_by, "ready_marker": "READY"}
    files = write_time_series(box.root / "ada" / "set")
    for _ in range(3):
        assert "READY" in next(iter(box.scan().waiting.values()))
    marker = box.write("ada/set/READY", "")
    assert box.scan().filesets == 1
    assert box.scan().filesets == 0
    # The same marker does not vouch for what comes later; a new one does.
    files[0].write_bytes(files[0].read_bytes() + b"x")
    assert box.scan().filesets == 0
    assert box.scan(59).filesets == 0
    assert box.scan(1).filesets == 1
    files[0].write_bytes(files[0].read_bytes() + b"y")
    marker.unlink()
    assert box.scan().filesets == 0
    box.write("ada/set/READY", "")
    assert box.scan().filesets == 1
    assert all("READY" not in row["files"] for row in box.rows)


def test_a_marker_may_be_named_after_the_file(box: Box) -> None:
    box.tree = {"ready_marker": "{stem}.done"}
    box.write("ada/a.ome.tif", "a")
    box.write("ada/b.ome.tif", "b")
    box.write("ada/a.done", "")
    box.scan()
    assert [files[0] for files in box.handed] == ["ada/a.ome.tif"]


def write_ome_tiff_of(box: Box, name: str) -> Path:
    path = box.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_ome_tiff(path)


def test_a_hard_link_that_is_of_no_use_hides_no_image(images: Box) -> None:
    (images.root / "ada").mkdir()
    (images.root / "bob").mkdir()
    image = write_ome_tiff(images.root / "ada/image.ome.tif")
    for link in ("ada/a-link.ome.tif", "ada/b-link.ome.tif"):
        (images.root / link).hardlink_to(image)
    image.rename(images.root / "bob/image.ome.tif")
    (images.root / "ada/image.ome.tif").hardlink_to(images.root / "bob/image.ome.tif")
    for _ in range(5):
        account = images.scan()
    assert images.handed == [["ada/image.ome.tif"]]
    assert not account.refused and not account.news


def test_links_that_are_all_of_no_use_are_told_once(images: Box) -> None:
    (images.root / "ada").mkdir()
    image = write_ome_tiff(images.folder / "image.ome.tif")
    image.write_bytes(image.read_bytes()[:300])
    for link in ("ada/a.ome.tif", "ada/b.ome.tif"):
        (images.root / link).hardlink_to(image)
    news = [images.scan().news for _ in range(8)]
    assert sorted(path for each in news for path in each) == [
        str(images.root / "ada/a.ome.tif"), str(images.root / "ada/b.ome.tif"),
    ]  # fmt: skip
