"""What tests of the stages have in common."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.config import load
from ingest.context import Context
from ingest.fileset import Record, SourceFile
from ingest.journal import Journal
from tests.fixtures.prepared import prepare_login
from tests.unit.ingest.landing import NAMES, World


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    """Makes a job's context below tmp_path; keywords are options of the configuration."""

    def make(**options: object) -> Context:
        results = tmp_path / "results"
        config = load(
            {"results": str(results), "transfer": {"store": str(tmp_path / "store")}} | options
        )
        prepare_login(results)
        return Context(config, results, Journal(results / "journal"), threads=2)

    return make


@pytest.fixture
def context(make_context: Callable[..., Context]) -> Context:
    return make_context()


@pytest.fixture
def source_record() -> Callable[..., Record]:
    """Makes a stage's record over files on disk; names are relative to `folder`."""

    def make(fileset: str, folder: Path, *paths: Path, stage: str = "convert") -> Record:
        files = []
        for path in paths:
            stat = path.stat()
            files.append(
                SourceFile(
                    str(path),
                    str(path),
                    path.relative_to(folder).as_posix(),
                    stat.st_size,
                    stat.st_mtime_ns,
                    stat.st_ino,
                )
            )
        facts = {"reader": "loci.formats.in.TiffReader", "format": "TIFF"}
        return Record(fileset, stage, "notneeded", files=tuple(files), facts=facts)

    return make


@pytest.fixture
def python_env() -> dict[str, str]:
    """The environment in which another Python finds the library as this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def world(tmp_path: Path, context: Context, source_record: Callable[..., Record]) -> World:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    paths = [tmp_path / "data" / name for name in NAMES]
    for path in paths:
        path.write_text(path.name)
    record = source_record("a", tmp_path / "data", *paths)
    return World(tmp_path, context, record)
