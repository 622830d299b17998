from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def shared() -> Iterator[Path]:
    """Unlike tmp_path, a folder that every account may enter."""
    made = Path(tempfile.mkdtemp(prefix="doctor-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder on another file system than `shared` and tmp_path."""
    made = Path(tempfile.mkdtemp(prefix="doctor-", dir="/dev/shm"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that is mounted read-only, also for root."""
    made = tmp_path / "read-only"
    made.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", made], check=True)
    yield made
    subprocess.run(["umount", made], check=True)
