"""A person at a terminal sees how far the run is, whatever Snakemake and its jobs print."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios

import pytest

from tests.fixtures.waiting import PATIENCE

from .images import write_corrupt_image, write_image
from .workspace import Workspace

TAKEN = "\x1b[1;23r"
GIVEN_BACK = "\x1b[r"


def at_a_terminal(
    workspace: Workspace, *arguments: str, interrupted_at: str = ""
) -> tuple[int, str]:
    """The exit status of a run, and all that is printed on its terminal of 24 rows.

    Ctrl-C is typed when `interrupted_at` is seen.
    """
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = workspace.start(*arguments, environment={"TERM": "xterm"}, output=inner)
    os.close(inner)
    seen = ""
    while True:
        try:
            seen += os.read(outer, 65536).decode(errors="replace")
        except OSError:  # the last one who held the terminal has ended
            break
        if interrupted_at and interrupted_at in seen:
            os.killpg(process.pid, signal.SIGINT)
            interrupted_at = ""
    os.close(outer)
    return process.wait(PATIENCE), seen


@pytest.fixture
def with_a_failure(workspace: Workspace) -> Workspace:
    write_image(workspace.folder / "source" / "good.ome.tiff")
    write_corrupt_image(workspace.folder / "source" / "bad.ome.tiff")
    names = ("good", "bad")
    workspace.write_manifest(
        [{"fileset": name, "path": f"source/{name}.ome.tiff"} for name in names]
    )
    return workspace


def test_the_bar_lasts_as_long_as_the_run(with_a_failure: Workspace) -> None:
    status, seen = at_a_terminal(with_a_failure)
    assert status == 1
    assert seen.count(TAKEN) == 1
    lines = re.findall(r"\x1b\[24;1H(\[.*?)\x1b\[K", seen)
    assert re.match(r"\[-+\] 0 %  0 of 2 filesets", lines[0])
    assert "1 failed" in lines[-1]
    after = seen[seen.rindex(GIVEN_BACK) :]
    assert "\x1b7" not in after
    assert "redoes only what failed" in after

    # A dry run, and a run with nothing to do, leave the terminal alone.
    status, seen = at_a_terminal(with_a_failure, "-n")
    assert (status, "\x1b7" in seen) == (0, False)


def test_after_ctrl_c_the_terminal_is_whole(with_a_failure: Workspace) -> None:
    status, seen = at_a_terminal(with_a_failure, interrupted_at="of 2 filesets")
    assert status != 0
    after = seen[seen.rindex(GIVEN_BACK) :]
    assert "\x1b7" not in after
    assert "of 2 filesets" not in after


def test_quiet_means_quiet(with_a_failure: Workspace) -> None:
    _status, seen = at_a_terminal(with_a_failure, "--quiet", "progress")
    assert "\x1b7" not in seen


@pytest.mark.parametrize("quiet", [False, True])
def test_an_audit_has_one_too(workspace: Workspace, quiet: bool) -> None:
    status, seen = at_a_terminal(workspace, "audit", *(["--quiet", "progress"] if quiet else []))
    assert status == 0
    assert "Nothing was imported" in seen.rpartition(GIVEN_BACK)[2]
    assert ("\x1b[24;1Haudit: " in seen) != quiet
