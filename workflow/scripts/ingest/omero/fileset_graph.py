"""The Fileset and ImportSettings that `importFileset` is given (docs/import-protocol.md, 1).

The server takes a fileset only with exactly one UploadJob, whose `bioformats.reader` it trims the
client paths by. The namespaces and class names are the official importer's.
"""

from __future__ import annotations

import json
import locale
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import omero.all
import omero.grid
import omero.model
from omero.rtypes import rbool, rstring

from ingest.fileset import SourceFile, StageError
from ingest.omero.client_paths import client_path
from ingest.omero.queries import IMPORT_ID_NAMESPACE

TRANSFER_NAMESPACE = "openmicroscopy.org/omero/import/fileTransfer"
SYMLINKS = "ome.formats.importer.transfers.SymlinkFileTransfer"
_TRANSFER_CLASSES = {
    "ln_s": SYMLINKS,
    "ln": "ome.formats.importer.transfers.HardlinkFileTransfer",
    "ln_rm": "ome.formats.importer.transfers.MoveFileTransfer",
    "cp": "ome.formats.importer.transfers.CopyFileTransfer",
    "cp_rm": "ome.formats.importer.transfers.CopyMoveFileTransfer",
    "upload_rm": "ome.formats.importer.transfers.UploadRmFileTransfer",
}


# Fields of a Fileset and its ImportRequest that the images get and nothing brings up to date later.
AS_IMPORTED = ("name", "description", "pixel_size", "annotations", "comments")


@dataclass(frozen=True)
class ImportRequest:
    """One fileset to import.

    `files` are in entry order, the one OMERO opens first; `digests` holds one for each, by
    `algorithm`. `target` is a (kind, id) or None. `pixel_size` is x, y and z in micrometres, for
    images that do not tell, or empty. `annotations` are ids of saved ones, `comments` (namespace,
    text); every image gets them. `reader` is the Java class name of the Bio-Formats
    reader, or empty. `timeout` is in seconds from the end of the transfers; None is for ever.
    """

    import_id: str
    files: tuple[SourceFile, ...]
    transfer: str
    algorithm: str
    target: tuple[str, int] | None = None
    name: str = ""
    description: str = ""
    pixel_size: tuple[float, ...] = ()
    annotations: tuple[int, ...] = ()
    comments: tuple[tuple[str, str], ...] = ()
    reader: str = ""
    thumbnails: bool = True
    minmax: bool = True
    parallel_files: int = 32
    timeout: float | None = 4 * 3600.0

    @property
    def digests(self) -> list[str]:
        return [file.digests[self.algorithm] for file in self.files]

    @property
    def as_imported(self) -> dict[str, Any]:
        """Those values as the journal keeps them, whose tuples are lists."""
        values: dict[str, Any] = json.loads(
            json.dumps({name: getattr(self, name) for name in AS_IMPORTED})
        )
        return values


def client_paths(files: Sequence[SourceFile]) -> dict[str, SourceFile]:
    """The files by client path, in order. Raises StageError when two have the same."""
    paths: dict[str, SourceFile] = {}
    for file in files:
        path = client_path(file.path)
        if path in paths:
            raise StageError(
                f"{file.path} and {paths[path].path} have the same name in OMERO ({path}), "
                "which replaces characters that not every system takes",
                "Rename one of them.",
            )
        paths[path] = file
    return paths


def build_fileset(request: ImportRequest) -> Any:
    """The omero.model.Fileset for a request."""
    fileset = omero.model.FilesetI()
    for path in client_paths(request.files):
        entry = omero.model.FilesetEntryI()
        entry.setClientPath(rstring(path))
        fileset.addFilesetEntry(entry)
    if request.transfer != "upload":
        # A custom transfer is named as the manifest has it; OMERO's are Java classes there.
        transfer = _TRANSFER_CLASSES.get(request.transfer, request.transfer)
        fileset.linkAnnotation(_comment(TRANSFER_NAMESPACE, transfer))
    fileset.linkAnnotation(_comment(IMPORT_ID_NAMESPACE, request.import_id))
    job = omero.model.UploadJobI()
    job.setVersionInfo(
        [omero.model.NamedValue(name, value) for name, value in _versions(request.reader) if value]
    )
    fileset.linkJob(job)
    return fileset


def build_settings(request: ImportRequest, annotations: Sequence[Any] = ()) -> Any:
    """The omero.grid.ImportSettings for a request; `annotations` are those it names, unloaded."""
    settings = omero.grid.ImportSettings()
    settings.doThumbnails = rbool(request.thumbnails)
    settings.noStatsInfo = rbool(not request.minmax)
    settings.checksumAlgorithm = checksum_algorithm(request.algorithm)
    settings.userSpecifiedName = rstring(request.name) if request.name else None
    settings.userSpecifiedDescription = (
        rstring(request.description) if request.description else None
    )
    # An unloaded annotation is linked as it is, a loaded one is saved.
    settings.userSpecifiedAnnotationList = [
        *annotations,
        *(_comment(namespace, text) for namespace, text in request.comments),
    ]
    settings.userSpecifiedPixels = list(request.pixel_size)
    if request.target:
        kind, container_id = request.target
        settings.userSpecifiedTarget = getattr(omero.model, f"{kind}I")(container_id, False)
    return settings


def checksum_algorithm(name: str) -> Any:
    algorithm = omero.model.ChecksumAlgorithmI()
    algorithm.setValue(rstring(name))
    return algorithm


def _comment(namespace: str, text: str) -> Any:
    comment = omero.model.CommentAnnotationI()
    comment.setNs(rstring(namespace) if namespace else None)
    comment.setTextValue(rstring(text))
    return comment


@cache
def _omero_py() -> str:
    return version("omero-py")


def _versions(reader: str) -> list[tuple[str, str]]:
    return [
        ("bioformats.reader", reader),
        ("client.language.name", "Python"),
        ("client.language.compiler", platform.python_implementation()),
        ("client.language.version", platform.python_version()),
        ("locale", locale.getlocale()[0] or ""),
        ("omero-py.version", _omero_py()),
        ("os.name", platform.system()),
        ("os.version", platform.release()),
        ("os.architecture", platform.machine()),
    ]
