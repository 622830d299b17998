"""A copy whose process is killed is made anew by the next one."""

import signal
import subprocess
import sys
from pathlib import Path

from ingest.digests import digest_file

CONTENT = bytes(range(256)) * 12_000  # three pieces
COPIER = """
import sys
from pathlib import Path
from ingest import copying
from ingest.fileset import SourceFile
from tests.fixtures.dying import moments_until, watch_changes
source, destination, size, mtime_ns, inode, moment, note = sys.argv[1:]
copying.PIECE = 1 << 20
at = moments_until(int(moment), Path(note))
watch_changes(at, (str(Path(destination).parent),), Path(note))
file = SourceFile(source, source, "x", int(size), int(mtime_ns), int(inode))
copying.copy_verified(file, Path(destination), lambda _size: at("written"))
"""


def test_killed_at_every_moment_there_is_a_whole_copy_or_none(
    tmp_path: Path, python_env: dict[str, str]
) -> None:
    source, destination = tmp_path / "image.tif", tmp_path / "store" / "image.tif"
    source.write_bytes(CONTENT)
    digests, before = digest_file(source, ["Murmur3-128"]).digests, source.stat()
    note = tmp_path / "died"
    numbers = [str(number) for number in (before.st_size, before.st_mtime_ns, before.st_ino)]
    command = [sys.executable, "-c", COPIER, str(source), str(destination), *numbers]
    moments: list[str] = []
    while True:
        ended = subprocess.run(
            [*command, str(len(moments)), str(note)], env=python_env, check=False
        )
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        moments.append(note.read_text())
        assert not destination.exists()
    assert moments[0].startswith("open ") and moments[-1].startswith("os.rename ")
    assert "written" in moments
    assert digest_file(destination, ["Murmur3-128"]).digests == digests
    assert list(destination.parent.iterdir()) == [destination]
    assert (source.read_bytes(), source.stat().st_mtime_ns) == (CONTENT, before.st_mtime_ns)
