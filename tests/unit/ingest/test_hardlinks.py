"""What stands in the way of a hard link is seen without making one, as any user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ingest import hardlinks
from ingest.hardlinks import NoHardLink, hard_link, link_obstacle

NOBODY = 65534

# What is foreseen and what happens, by an ordinary user: whoever runs this, unless that is root.
ORDINARY = f"""
import os, sys
from pathlib import Path
from ingest.hardlinks import NoHardLink, hard_link, link_obstacle
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
for path in sys.argv[1:]:
    foreseen = link_obstacle(path, Path(path).parent)
    try:
        hard_link(path, Path(path + ".link"))
        print("made,", foreseen)
    except NoHardLink:
        print("refused,", foreseen)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    path.write_bytes(b"bytes")
    return path


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that any user may enter and write to."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_a_file_of_ones_own_can_be_linked(source: Path, tmp_path: Path) -> None:
    assert link_obstacle(str(source), tmp_path / "not" / "there" / "yet") == ""
    assert not (tmp_path / "not").exists()
    hard_link(str(source), tmp_path / "b.tif")
    assert (tmp_path / "b.tif").samefile(source)


def test_a_link_to_a_link_is_one_to_the_file(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    assert link_obstacle(str(tmp_path / "link"), tmp_path) == ""
    hard_link(str(tmp_path / "link"), tmp_path / "b.tif")
    assert not (tmp_path / "b.tif").is_symlink()
    assert source.stat().st_nlink == 2


def test_another_file_system(tmp_path: Path) -> None:
    # /proc is one on every Linux machine.
    assert "another file system" in link_obstacle("/proc/self/status", tmp_path)
    with pytest.raises(NoHardLink, match="cross-device") as error:
        hard_link("/proc/self/status", tmp_path / "b")
    assert "/proc/self/status" in error.value.cause
    assert "cp or ln_s" in error.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_what_linux_protects_from_an_ordinary_user(
    shared: Path, python_env: dict[str, str]
) -> None:
    modes = {"open": 0o666, "readable": 0o644, "secret": 0o600, "setuid": 0o4777, "setgid": 0o2777}
    for name, mode in modes.items():
        (shared / name).write_bytes(b"bytes")
        (shared / name).chmod(mode)
    told = subprocess.run(
        [sys.executable, "-c", ORDINARY, *(str(shared / name) for name in modes)],
        env=python_env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    others = os.geteuid() == 0 and Path("/proc/sys/fs/protected_hardlinks").read_text()[0] != "0"
    for name, line in zip(modes, told, strict=True):
        expected = "refused, it belongs to another user" if others and name != "open" else "made, "
        assert line.startswith(expected), name
        assert ("fs.protected_hardlinks" in line) == line.startswith("refused")


@pytest.mark.parametrize(
    ("mode", "may"), [(0o666, True), (0o4666, False), (0o2676, False), (0o2666, True)]
)
def test_the_kernels_rule_for_files_of_others(
    source: Path, monkeypatch: pytest.MonkeyPatch, mode: int, may: bool
) -> None:
    source.chmod(mode)
    found = source.stat()
    other = found.st_uid + 1000
    monkeypatch.setattr(os, "geteuid", lambda: other)
    monkeypatch.setattr(hardlinks, "_acts_as_owner", lambda: False)
    assert hardlinks._may_link_protected(str(source), found) == may


def test_a_user_who_may_not_write_is_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: source.stat().st_uid + 1000)
    monkeypatch.setattr(hardlinks, "_acts_as_owner", lambda: False)
    monkeypatch.setattr(os, "access", lambda _path, mode, **_options: not mode & os.W_OK)
    monkeypatch.setattr(hardlinks, "_links_are_protected", lambda: True)
    assert "another user" in link_obstacle(str(source), source.parent)
    monkeypatch.setattr(hardlinks, "_links_are_protected", lambda: False)
    assert link_obstacle(str(source), source.parent) == ""


def test_as_many_links_as_the_file_system_allows(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pathconf", lambda _path, _name: 2)
    assert link_obstacle(str(source), source.parent) == ""
    source.with_name("b.tif").hardlink_to(source)
    assert "has 2 links" in link_obstacle(str(source), source.parent)
    # What the C library says when it does not know is no limit.
    for number in range(126):
        source.with_name(f"{number}").hardlink_to(source)
    monkeypatch.setattr(os, "pathconf", lambda _path, _name: 127)
    assert link_obstacle(str(source), source.parent) == ""


def test_a_file_system_without_hard_links(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = source.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"22 1 {os.major(device)}:{os.minor(device)} / /mnt/a b rw - vfat /dev/sdb1 rw\n"
    )
    monkeypatch.setattr(hardlinks, "_MOUNTS", mounts)
    hardlinks._kind.cache_clear()
    assert "of the kind vfat has none" in link_obstacle(str(source), tmp_path)
    mounts.unlink()
    hardlinks._kind.cache_clear()
    assert link_obstacle(str(source), tmp_path) == ""
    hardlinks._kind.cache_clear()


def test_the_kind_of_file_system_is_known_here(source: Path) -> None:
    assert hardlinks._kind(Path("/proc").stat().st_dev) == "proc"
