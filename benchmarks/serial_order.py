"""The comparison: an import in the plain order of OMERO's protocol, as the official client has it.

One file after another, and every call is waited for.

It is what a faithful client does that takes no short cut; only the computing of digests is left
out, because the importer it is compared with is given them too.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.all
import omero.cmd
import omero.grid
from omero.callbacks import CmdCallbackI

from ingest.fileset import SourceFile
from ingest.omero.fileset_graph import (
    ImportRequest,
    build_fileset,
    build_settings,
    checksum_algorithm,
)

ALGORITHMS = (
    "SHA1-160",
    "MD5-128",
    "Murmur3-128",
    "Murmur3-32",
    "CRC-32",
    "Adler-32",
    "File-Size-64",
)


def import_serially(client: Any, request: ImportRequest) -> None:
    """Imports one fileset by symbolic links. Raises RuntimeError when OMERO refuses it."""
    factory = client.getSession()
    repository = managed_repository(factory)
    if repository.suggestChecksumAlgorithm([checksum_algorithm(n) for n in ALGORITHMS]) is None:
        raise RuntimeError("no checksum algorithm in common")
    process = repository.importFileset(build_fileset(request), build_settings(request))
    for index, file in enumerate(request.files):
        link(factory, process, index, file)
    try:
        handle = process.verifyUpload(request.digests)
    finally:
        process.close()
    callback = CmdCallbackI(client, handle)
    while not callback.block(5000):
        pass
    response = callback.getResponse()
    if isinstance(response, omero.cmd.ERR):
        raise RuntimeError(f"{response.name}: {response.parameters}")
    fileset = handle.getRequest().activity.parent.id.val
    factory.getMetadataService().loadLogFiles("omero.model.Fileset", [fileset])
    callback.close(True)


def managed_repository(factory: Any) -> Any:
    for candidate in factory.sharedResources().repositories().proxies:
        found = candidate and omero.grid.ManagedRepositoryPrx.checkedCast(candidate)
        if found:
            return found
    raise RuntimeError("no managed repository")


def link(factory: Any, process: Any, index: int, file: SourceFile) -> None:
    process.getImportSettings()
    uploader = process.getUploader(index)
    root = managed_repository(factory).root()
    number = uploader.getFileId().val
    row = factory.getQueryService().get("OriginalFile", number, {"omero.group": "-1"})
    location = Path(root.path.val, root.name.val, row.path.val.strip("/"), row.name.val)
    if os.path.lexists(location):
        raise RuntimeError(f"{location} exists")
    probe = str(uuid.uuid4()).encode()
    try:
        uploader.write(probe, 0, len(probe))
    finally:
        uploader.close()
    if location.read_bytes() != probe:
        raise RuntimeError(f"{location} is not what OMERO wrote")
    location.unlink()
    with suppress(Ice.ObjectNotExistException):
        uploader.close()
    location.symlink_to(file.path)
    uploader = process.getUploader(index, {"omero.fs.mode": "r"})
    try:
        uploader.size()
        uploader.save()
    finally:
        uploader.close()
