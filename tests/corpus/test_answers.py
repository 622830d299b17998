"""Answers of OMERO that it should not give: the row fails in words, nothing stays half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.cmd
import pytest

from ingest.fileset import Record
from ingest.omero import importer, queries
from ingest.omero.repository import ManagedRepository
from tests.integration.ingest_omero.rig import Rig, Server, write_image

Answer = Callable[..., Any]


class Lying:
    """A remote object of which one operation answers as a test wants."""

    def __init__(self, remote: Any, operation: str, answer: Answer) -> None:
        self._remote, self._operation, self._answer = remote, operation, answer

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._remote, name)
        return (lambda *args: self._answer(real, *args)) if name == self._operation else real


def raising(error: Exception) -> Answer:
    def answer(*_: Any) -> None:
        raise error

    return answer


def giving(value: Any) -> Answer:
    return lambda *_: value


def response(make: Callable[[], Any]) -> Answer:
    """An import whose outcome is `make`'s, although it went well."""

    class Handle:
        getResponse = staticmethod(make)
        close = staticmethod(lambda: None)

    def answer(real: Answer, *args: Any) -> Any:
        handle = real(*args)
        while handle.getResponse() is None:
            pass
        return Handle

    return answer


def error_response(**values: Any) -> Callable[[], Any]:
    return lambda: omero.cmd.ERR(**values)


REPOSITORY: Mapping[str, tuple[str, Answer, str]] = {
    "a refusal": ("importFileset", raising(omero.SecurityViolation(None, None, "no")), "permit"),
    "no message": ("importFileset", raising(omero.InternalException()), "InternalException"),
    "no resources": ("importFileset", raising(omero.ResourceError(None, None, "full")), "full"),
    "a wrong use": ("importFileset", raising(omero.ApiUsageException(None, None, "x")), "x"),
    "no such operation": (
        "importFileset", raising(Ice.OperationNotExistException()), "OperationNotExist"),
    "an unknown exception": ("importFileset", raising(Ice.UnknownException("?")), "Unknown"),
    "no process": ("importFileset", giving(None), ""),
    "an escape in words": (
        "importFileset", raising(omero.ApiUsageException(None, None, "\x1b[2J")), "Api"),
    "no algorithm": ("suggestChecksumAlgorithm", giving(None), "does not compute"),
}  # fmt: skip
PROCESS: Mapping[str, tuple[Answer, str]] = {
    "wrong digests": (
        raising(omero.ChecksumValidationException(None, None, "", {0: "00"})), "OMERO's file 00"),
    "digests of other files": (
        raising(omero.ChecksumValidationException(None, None, "", {7: "00"})), "not the ones"),
    "no digests at all": (
        raising(omero.ChecksumValidationException(None, None, "", None)), "not the ones"),
    "a late refusal": (raising(omero.ValidationException(None, None, "bad")), "bad"),
    "an import that failed": (
        response(error_response(name="import-unknown-format", parameters={})), "unknown-format"),
    "a failure without a name": (response(error_response()), "OMERO could not import"),
    "a failure without parameters": (
        response(error_response(name="x", parameters=None)), "OMERO could not import"),
    "a failure that says much": (
        response(error_response(name="x", parameters={"message": "m" * 100_000})), "mmm"),
}  # fmt: skip
QUERIES: Mapping[str, tuple[str, Any, str]] = {
    "a fileset that is not there": ("begun_fileset", (0, {}), "does not know"),
    "no images": ("images_and_pixels", ([], []), "has no image of it"),
    "no entries": ("entries", [], "other digests in OMERO"),
    "entries without digests": (
        "entries", [queries.Entry("x/a.tif", 1, "x/", "a.tif", 5, "", "")], "other digests"),
    "a digest of another": (
        "entries", [queries.Entry("x/a.tif", 1, "x/", "a.tif", 5, "ab", "MD5-128")], "digests"),
    "an entry outside": (
        "entries", [queries.Entry("a", 1, "../../etc/", "passwd", 5, "ab", "MD5-128")], "outside"),
}  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path, server: Server) -> Iterator[Rig]:
    rig = Rig(tmp_path, server, {"import": {"retry_seconds": 0}})
    rig.add("a", [write_image(tmp_path / "a.tif")])
    yield rig
    rig.close()


def check_refused(rig: Rig, record: Record, says: str) -> None:
    assert record.status == "error"
    assert says in record.cause
    assert record.remedy
    assert "Traceback" not in record.cause
    assert (rig.folder / "a.tif").is_file()


def check_rerun(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was answered before, one fileset is there in the end."""
    monkeypatch.undo()
    rig.close()
    rig.context = rig.new_context()
    record = rig.import_all()["a"]
    assert record.status == "ok", record.cause
    assert rig.filesets_of(rig.folder / "a.tif") == [record.facts["fileset_id"]]


def lie(monkeypatch: pytest.MonkeyPatch, operation: str, answer: Answer) -> None:
    real = importer.open_repository

    def opened(*args: Any) -> ManagedRepository:
        found = real(*args)
        return ManagedRepository(Lying(found.proxy, operation, answer), found.mount)

    monkeypatch.setattr(importer, "open_repository", opened)


@pytest.mark.parametrize("name", REPOSITORY)
def test_of_the_repository(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    operation, answer, says = REPOSITORY[name]
    lie(monkeypatch, operation, answer)
    check_refused(rig, rig.import_all()["a"], says)
    check_rerun(rig, monkeypatch)


@pytest.mark.parametrize("name", PROCESS)
def test_of_an_import(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    answer, says = PROCESS[name]
    lie(
        monkeypatch,
        "importFileset",
        lambda real, *args: Lying(real(*args), "verifyUpload", answer),
    )
    check_refused(rig, rig.import_all()["a"], says)
    check_rerun(rig, monkeypatch)


@pytest.mark.parametrize("name", QUERIES)
def test_of_a_query(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    query, value, says = QUERIES[name]
    monkeypatch.setattr(importer.queries, query, giving(value))
    check_refused(rig, rig.import_all()["a"], says)


@pytest.mark.parametrize(("path", "name"), [("../..", "x"), ("a/../../b/", "x"), ("a/", "../x"),
                                            ("a/", ".."), ("a", "b/c"), ("a", "")])  # fmt: skip
def test_a_place_outside_of_the_repository(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    real = queries.begun_fileset

    def begun(*args: Any) -> Any:
        fileset_id, places = real(*args)
        return fileset_id, dict.fromkeys(places, (1, path, name))

    monkeypatch.setattr(importer.queries, "begun_fileset", begun)
    check_refused(rig, rig.import_all()["a"], "outside of its managed repository")
    check_rerun(rig, monkeypatch)
