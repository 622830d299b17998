"""A server in a process of its own, and OMERO's import protocol spoken by hand."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import omero
import omero.all
import omero.callbacks
import omero.clients
from omero.rtypes import rbool, rlong, rstring, unwrap

from tests.fixtures.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
TRANSFERS = "ome.formats.importer.transfers."


class Rehearsal:
    """One store folder and the server over it. Close what `connect` gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, **options: Any) -> None:
        command = [sys.executable, "-m", "omero_embedded", "serve", "--store", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            **options,
        )
        assert self.process.stdout is not None
        self.greeting = self.process.stdout.readline().decode()
        assert self.greeting, "the server did not start"

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "server.json").read_text())
        return facts

    @property
    def secret(self) -> str:
        return (self.folder / "secret").read_text()

    def connect(self, user: str = "ada", password: str | None = None) -> Any:
        client = omero.client(self.facts["host"], self.facts["port"])
        try:
            client.createSession(user, password or self.secret)
        except Exception:
            client.closeSession()  # destroys the communicator, which would complain at exit
            raise
        return client


def sha1(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


def begin(
    client: Any,
    files: Sequence[Path],
    transfer: str = "",
    reader: str = "loci.formats.in.OMETiffReader",
    **settings: Any,
) -> Any:
    """importFileset; returns the process."""
    repository = client.getManagedRepository()
    algorithm = omero.model.ChecksumAlgorithmI()
    algorithm.value = rstring("SHA1-160")
    fileset = omero.model.FilesetI()
    for path in files:
        entry = omero.model.FilesetEntryI()
        entry.clientPath = rstring(str(path).lstrip("/"))
        fileset.addFilesetEntry(entry)
    job = omero.model.UploadJobI()
    job.versionInfo = [omero.model.NamedValue("bioformats.reader", reader)]
    fileset.linkJob(job)
    if transfer:
        note = omero.model.CommentAnnotationI()
        note.ns = rstring("openmicroscopy.org/omero/import/fileTransfer")
        note.textValue = rstring(TRANSFERS + transfer)
        fileset.linkAnnotation(note)
    wanted = omero.grid.ImportSettings(
        doThumbnails=rbool(True),
        noStatsInfo=rbool(False),
        checksumAlgorithm=repository.suggestChecksumAlgorithm([algorithm]),
    )
    for name, value in settings.items():
        setattr(wanted, name, value)
    return repository.importFileset(fileset, wanted)


def place_of(client: Any, process: Any, index: int) -> Path:
    """Where in the repository entry `index` belongs, as the official client works it out."""
    root = client.getManagedRepository().root()
    uploader = process.getUploader(index)
    row = client.sf.getQueryService().get(
        "OriginalFile", uploader.getFileId().val, {"omero.group": "-1"}
    )
    uploader.close()
    return Path(root.path.val) / root.name.val / row.path.val / row.name.val


def upload(process: Any, files: Sequence[Path]) -> list[str]:
    for index, path in enumerate(files):
        uploader = process.getUploader(index)
        content = path.read_bytes()
        uploader.write(b"", 0, 0)
        uploader.write(content, 0, len(content))
        uploader.save()
        uploader.close()
    return [sha1(path) for path in files]


def symlink(client: Any, process: Any, files: Sequence[Path]) -> list[str]:
    """The in-place handshake: prove the folder with a probe, link, let the server look."""
    for index, path in enumerate(files):
        place = place_of(client, process, index)
        uploader = process.getUploader(index)
        uploader.write(b"x" * 37, 0, 37)
        uploader.close()
        assert place.read_bytes() == b"x" * 37
        place.unlink()
        place.symlink_to(path)
        reader = process.getUploader(index, client.getContext() | {"omero.fs.mode": "r"})
        assert reader.size() == path.stat().st_size
        reader.save()
        reader.close()
    return [sha1(path) for path in files]


def finish(client: Any, process: Any, checksums: Sequence[str]) -> tuple[int, Any]:
    """Verify and wait. Returns the fileset's id and the response."""
    handle = process.verifyUpload(list(checksums))
    callback = omero.callbacks.CmdCallbackI(client, handle)
    callback.loop(int(PATIENCE) * 5, 200)
    response = callback.getResponse()
    fileset_id: int = handle.getRequest().activity.parent.id.val
    callback.close(True)
    process.close()
    return fileset_id, response


def import_files(client: Any, files: Sequence[Path], **options: Any) -> tuple[int, Any]:
    """A whole import by upload."""
    process = begin(client, files, **options)
    return finish(client, process, upload(process, files))


def rows(client: Any, hql: str, **values: Any) -> list[Any]:
    """A projection in all groups, as plain values."""
    parameters = omero.sys.ParametersI()
    for name, value in values.items():
        parameters.add(name, rlong(value) if isinstance(value, int) else rstring(value))
    found = client.sf.getQueryService().projection(hql, parameters, {"omero.group": "-1"})
    return [list(row) for row in unwrap(found)]


def limit_session(client: Any, key: str, live: int | None = None, idle: int | None = None) -> None:
    """How long from now on a session may live or idle, in milliseconds."""
    request = omero.cmd.UpdateSessionTimeoutRequest(key)
    request.timeToLive = None if live is None else rlong(live)
    request.timeToIdle = None if idle is None else rlong(idle)
    client.submit(request)


def dataset(client: Any, name: str) -> Any:
    made = omero.model.DatasetI()
    made.name = rstring(name)
    return client.sf.getUpdateService().saveAndReturnObject(made)
