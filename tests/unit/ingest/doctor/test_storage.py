"""Storage: hard links, room, locks, and what the kinds of file systems mean."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.config import load
from ingest.doctor import storage
from ingest.doctor.file_systems import meaning
from ingest.doctor.mounts import Mount, mount_of, read_mounts
from ingest.doctor.people import Account, ourselves
from ingest.doctor.storage import Need
from ingest.fileset import StageError
from ingest.source_removal import check_removable
from tests.unit.ingest.doctor.places import (
    OMERO,
    US,
    as_account,
    faults,
    file,
    folder,
    row,
    statuses,
)

PLAIN = load({})
IMPORTER = Account(US, frozenset({US}))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB and few inodes."""
    place = tmp_path / "small"
    place.mkdir()
    options = "size=1m,nr_inodes=20"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_hard_link_to_another_file_system(shared: Path, in_memory: Path) -> None:
    rows = [row(file(in_memory / "a.tif"), import_transfer="ln")]
    found = list(storage.hard_links(rows, PLAIN, shared, read_mounts()))
    (fault,) = faults(found)
    assert "another file system" in fault and "ln_s" in found[0].remedy


def test_hard_link_between_two_mounts_of_one_file_system(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "bound").mkdir()
    source = file(tmp_path / "a.tif")
    subprocess.run(["mount", "--bind", tmp_path / "real", tmp_path / "bound"], check=True)
    try:
        rows = [row(source, import_transfer="ln")]
        (fault,) = faults(storage.hard_links(rows, PLAIN, tmp_path / "bound", read_mounts()))
        assert "two mounts" in fault
        with pytest.raises(OSError):
            os.link(source, tmp_path / "bound" / "a.tif")
    finally:
        subprocess.run(["umount", tmp_path / "bound"], check=True)


def test_protected_hard_links(shared: Path) -> None:
    assert Path("/proc/sys/fs/protected_hardlinks").read_text().strip() == "1"
    store = folder(shared / "repository", US, US)
    rows = [row(file(shared / "a.tif", OMERO, OMERO, 0o644), import_transfer="ln")]
    found = as_account(lambda: storage.hard_links(rows, PLAIN, store, read_mounts()))
    (fault,) = faults(found)
    assert "protected_hardlinks" in fault
    assert any("sysctl" in each.remedy for each in found)
    assert statuses(storage.hard_links(rows, PLAIN, store, read_mounts())) == {"ok"}  # as root


def test_hard_links_into_the_store(shared: Path, in_memory: Path) -> None:
    config = load({"transfer": {"store": str(in_memory / "store")}})
    rows = [row(file(shared / "a.tif"), transfer="ln")]
    assert faults(storage.hard_links(rows, config, None, read_mounts()))
    landed = [row(shared / "a.tif", transfer="ln", landed=True)]
    assert not list(storage.hard_links(landed, config, None, read_mounts()))


def test_source_that_may_not_be_removed(shared: Path) -> None:
    kept = file(folder(shared / "archive", OMERO, OMERO) / "a.tif", OMERO, OMERO)
    (fault,) = faults(as_account(lambda: storage.removals([row(kept, transfer="mv")])))
    assert "may not be removed" in fault
    assert not list(storage.removals([row(kept)]))


def test_source_that_is_mounted_read_only(read_only: Path) -> None:
    with pytest.raises(StageError, match="mounted read-only") as refused:
        check_removable(read_only / "a.tif", "use cp")
    assert refused.value.remedy == "Have it mounted for writing, or use cp."


def test_too_little_space_for_copies(small: Path, shared: Path) -> None:
    config = load({"transfer": {"store": str(small / "store")}, "results": str(shared)})
    large = file(shared / "a.tif", content="x" * 700_000)
    one, two = [row(large, transfer="cp")], [row(large, transfer="cp")] * 2
    assert "small" not in str(faults(storage.room(storage.needs(one, config, None))))
    (fault,) = faults(storage.room(storage.needs(two, config, None)))
    assert "1.4 MB to come" in fault and str(small) in fault
    linked = [row(large, transfer="ln_s")] * 2
    assert not faults(storage.room(storage.needs(linked, config, None)))


def test_too_little_space_for_conversions(small: Path, shared: Path) -> None:
    command = "cp {input} {output}/a.tif"
    config = load(
        {
            "results": str(shared),
            "convert": {"store": str(small / "store"), "keep_original": "archive"},
            "converters": {"c": {"runtime": "host", "command": command}},
        }
    )
    large = file(shared / "a.tif", content="x" * 700_000)
    (fault,) = faults(storage.room(storage.needs([row(large, convert="c")], config, None)))
    assert "conversions 700 kB, originals 700 kB" in fault


def test_too_little_space_in_the_repository(small: Path, shared: Path) -> None:
    config = load({"results": str(shared)})
    large = file(shared / "a.tif", content="x" * 1_200_000)
    copied = [row(large, import_transfer="cp")]
    assert "OMERO's copies" in "".join(faults(storage.room(storage.needs(copied, config, small))))


def test_too_few_inodes(small: Path) -> None:
    (fault,) = faults(storage.room([Need("links", small, 0, 5_000)]))
    assert "5,000 files" in fault
    assert not faults(storage.room([Need("links", small, 0, 5)]))


def test_store_that_may_not_be_written_to(shared: Path) -> None:
    closed = folder(shared / "store", OMERO, OMERO)
    config = load({"transfer": {"store": str(closed / "images")}})
    rows = [row(file(shared / "a.tif"), transfer="cp")]
    (fault,) = faults(as_account(lambda: storage.stores(rows, config, IMPORTER)))
    assert "transfer.store" in fault and str(closed) in fault


def test_store_that_is_mounted_read_only(shared: Path, read_only: Path) -> None:
    config = load({"transfer": {"store": str(read_only / "new" / "store")}})
    rows = [row(file(shared / "a.tif"), transfer="cp")]
    found = list(storage.stores(rows, config, ourselves()))
    assert "mounted read-only" in faults(found)[0] and "rw" in found[0].remedy


def test_store_that_is_a_file(shared: Path) -> None:
    config = load({"transfer": {"store": str(file(shared / "store"))}})
    rows = [row(file(shared / "a.tif"), transfer="cp")]
    server = Account(OMERO, frozenset({OMERO}))
    (fault,) = faults(storage.stores(rows, config, Account(0, frozenset()), server))
    assert f"{shared / 'store'} is not a folder" in fault


def test_store_that_omero_does_not_get_to(shared: Path) -> None:
    closed = folder(shared / "lab", US, US, 0o770)
    config = load({"transfer": {"store": str(closed / "store")}})
    rows = [row(file(shared / "a.tif"), transfer="cp")]
    server = Account(OMERO, frozenset({OMERO}))
    (fault,) = faults(storage.stores(rows, config, Account(0, frozenset()), server))
    assert f"user {OMERO} cannot search" in fault


def test_store_and_results_in_the_repository(shared: Path) -> None:
    repository = folder(shared / "repository")
    (shared / "link").symlink_to(repository)
    inside = {
        "results": str(repository / "results"),
        "transfer": {"store": str(shared / "link" / "new" / "store")},
    }
    found = faults(storage.not_in_repository(load(inside), repository))
    assert [each.split(":")[0] for each in found] == ["results", "transfer.store"]
    outside = {"results": "results", "transfer": {"store": str(shared / "repository-2")}}
    assert not list(storage.not_in_repository(load(outside), repository))


def test_locks_are_tried_and_nothing_is_left(tmp_path: Path) -> None:
    found = list(storage.locks(tmp_path))
    assert statuses(found) == {"ok"} and list(tmp_path.iterdir()) == []


def test_locks_that_do_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    assert "same lock at once" in "".join(faults(storage.locks(tmp_path)))


def test_file_system_whose_clock_is_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = storage.time.time
    monkeypatch.setattr("time.time", lambda: now() - 120)
    found = list(storage.locks(tmp_path))
    assert "120 s ahead" in "".join(faults(found))
    assert any("NTP" in each.remedy for each in found)


def test_sources_from_the_future(tmp_path: Path) -> None:
    late = file(tmp_path / "a.tif")
    (found,) = storage.from_the_future([row(late)], late.stat().st_mtime - 3600)
    assert found.status == "warn" and found.remedy
    assert not list(storage.from_the_future([row(late)], late.stat().st_mtime))


MOUNTINFO = r"""
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 0:40 / /mnt/my\040data rw,nosuid shared:1 - nfs4 filer:/data rw,vers=4.2,local_lock=none
31 21 0:41 / /scratch rw - lustre mds:/fs rw
32 21 0:42 / /work rw - lustre mds:/fs rw,flock
33 21 0:43 / /share rw - cifs //filer/share rw,nobrl
34 21 0:44 / /ro ro - xfs /dev/sdb ro
35 21 0:45 / /old rw - nfs filer:/old rw,nolock
36 21 0:46 / /fat rw - vfat /dev/sdc rw
37 21 0:47 / /odd rw - strangefs x rw
38 21 0:48 / /user rw - fuse.sshfs x rw
"""


def test_mounts_are_read() -> None:
    mounts = read_mounts(MOUNTINFO)
    assert [mount.kind for mount in mounts][:3] == ["ext4", "nfs4", "lustre"]
    assert mounts[1].point == Path("/mnt/my data") and "vers=4.2" in mounts[1].options
    root = mount_of(Path("/etc/no/such/file"), mounts)
    assert root is not None and root.point == Path("/")


def test_the_last_mount_at_a_place_counts() -> None:
    twice = [
        Mount(1, Path("/"), "ext4", frozenset()),
        Mount(2, Path("/"), "overlay", frozenset()),
    ]
    found = mount_of(Path("/etc"), twice)
    assert found is not None and found.number == 2


@pytest.mark.parametrize(
    ("point", "used_as", "status", "word"),
    [
        ("/", "results", "ok", "no reflinks"),
        ("/mnt/my data", "sources", "note", "root_squash"),
        ("/scratch", "results", "note", "without the option flock"),
        ("/work", "results", "ok", "between hosts (flock)"),
        ("/share", "repository", "warn", "symbolic and hard links"),
        ("/share", "sources", "note", "symbolic and hard links"),
        ("/ro", "repository", "fix", "read-only"),
        ("/ro", "sources", "ok", "reflinks"),
        ("/old", "results", "warn", "without locks between hosts"),
        ("/fat", "repository", "warn", "no links"),
        ("/odd", "sources", "note", "nothing is known"),
        ("/user", "sources", "note", "user space"),
    ],
)
def test_what_a_kind_means(point: str, used_as: str, status: str, word: str) -> None:
    (mount,) = [mount for mount in read_mounts(MOUNTINFO) if mount.point == Path(point)]
    told = meaning(mount, used_as)
    assert told.status == status and word in told.text
    assert told.remedy or told.status in ("ok", "note")
