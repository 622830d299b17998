"""Import transfers that are Python functions of a site: what they make is verified as any other."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from ingest.stages import importing
from tests.integration.ingest_omero.rig import Rig
from tests.integration.ingest_omero.test_transfers import (
    in_repository,
    transfer_annotations,
    two_files,
)

Custom = Callable[[str], str]

MODULE = """
import os, shutil

def copy(source, destination):
    shutil.copyfile(source, destination)

def link(source, destination):
    os.symlink(source, destination)

def nothing(source, destination):
    pass

def half(source, destination):
    destination.write_bytes(source.read_bytes()[:-1])

def other(source, destination):
    destination.write_bytes(bytes(source.stat().st_size))

def move(source, destination):
    source.rename(destination)

def touched(source, destination):
    os.symlink(source, destination)
    os.utime(source, ns=(5, 5))

def broken(source, destination):
    destination.write_bytes(b"half")
    raise RuntimeError("no tape in the drive")
"""


@pytest.fixture
def custom(rig: Rig) -> Custom:
    """The import transfer by a function of MODULE, which has a name of its own in each test: Python
    imports a module once."""
    name = f"site_{uuid.uuid4().hex}"
    (rig.folder / f"{name}.py").write_text(MODULE)
    rig.options["import"] = {"transfer_folder": str(rig.folder)}
    rig.context.config = rig.config
    return lambda function: f"{name}:{function}"


@pytest.mark.parametrize("function", ["copy", "link"])
def test_a_transfer_of_the_sites_own(rig: Rig, custom: Custom, function: str) -> None:
    sources = two_files(rig, custom(function))
    record = rig.import_all()["row"]
    assert record.status == "ok", record.cause
    stored = in_repository(record)
    assert [path.read_bytes() for path in stored.values()] == [s.read_bytes() for s in sources]
    assert [path.is_symlink() for path in stored.values()] == [function == "link"] * 2
    assert transfer_annotations(rig, record) == [custom(function)]
    assert rig.import_all()["row"] == record


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        ("nothing", "made no file"),
        ("half", "bytes of"),
        ("other", "not the ones that were hashed"),
        ("touched", "changed after"),
        ("broken", "RuntimeError: no tape in the drive"),
    ],
)
def test_a_transfer_of_the_sites_own_that_does_not_keep_its_contract(
    rig: Rig, custom: Custom, function: str, cause: str
) -> None:
    sources = two_files(rig, custom(function))
    content = [source.read_bytes() for source in sources]
    record = rig.import_all()["row"]
    assert record.status == "error"
    assert cause in record.cause
    assert [source.read_bytes() for source in sources] == content
    assert rig.filesets_of(sources[0]) == []
    left = [path for path in rig.server.repository.rglob("[12].tif") if path.exists()]
    assert [path for path in left if path.read_bytes() in (*content, b"half")] == []
    rig.change("row", import_transfer=custom("copy"))
    assert rig.import_all()["row"].status == "ok"


def test_a_transfer_of_the_sites_own_that_moves_loses_nothing(rig: Rig, custom: Custom) -> None:
    sources = two_files(rig, custom("move"))
    content = [source.read_bytes() for source in sources]
    rig.options["import"]["parallel_files"] = 1
    rig.context.config = rig.config
    upstream = rig.checksum()
    rig.targets()
    record = rig.run(importing.STAGE, upstream)["row"]
    assert record.status == "error"
    assert "does not exist" in record.cause
    kept = [path.read_bytes() for path in rig.server.repository.rglob("1.tif")]
    assert content[0] in kept
    # And put back, it is imported.
    sources[0].write_bytes(content[0])
    rig.change("row", import_transfer="cp")
    assert rig.import_all()["row"].status == "ok"
