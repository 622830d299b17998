"""importFileset: from a client's Fileset to rows, folders and a place for every file."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero
import omero.model
from omero.rtypes import rstring, rtime, unwrap

import imageformats
from omero_embedded.model.types import type_of
from omero_embedded.repository.client_paths import trimmed
from omero_embedded.repository.files import LOG_FILE, Repository
from omero_embedded.repository.template import new_folder
from omero_embedded.services.config import VERSION
from omero_embedded.sessions.acting import as_server
from omero_embedded.store import Actor, Work
from omero_embedded.store.access import FileKind
from omero_embedded.wire import errors

_READER = "bioformats.reader"


@dataclass(frozen=True)
class Begun:
    """An import that has rows and folders but no files yet; lists are in the entries' order."""

    fileset_id: int
    job_ids: dict[str, int]
    metadata_link_id: int
    shared_path: str
    used_files: tuple[str, ...]
    file_ids: tuple[int, ...]
    paths: tuple[Path, ...]
    log_id: int
    log_path: Path
    algorithm: str


def begin_import(
    repository: Repository, actor: Actor, user: str, group: str, fileset: Any, settings: Any
) -> Begun:
    """Give every entry of the fileset its place in the repository. Nothing is left on refusal."""
    entries = _entries(fileset)
    upload_job = _upload_job(fileset)
    algorithm = _algorithm(settings)
    _check_links(repository, actor, fileset, settings)
    client_paths = [entry.clientPath.val for entry in entries]
    names = trimmed(client_paths, _reader(upload_job))
    _check_distinct(names, client_paths)
    folder = new_folder(repository.root, user, actor.user_id, datetime.datetime.now())
    places = [f"{folder.path}/{name}" for name in names]
    folders = dict.fromkeys([folder.path, *(place.rpartition("/")[0] for place in places)])
    repository.make_folders(actor, folder.shared, folders)
    log = f"{folder.path}.log"
    with repository.store.write(as_server(actor)) as work:
        hasher = work.enumeration("ChecksumAlgorithm", algorithm)
        for entry, place in zip(entries, places, strict=True):
            row = repository.file_row(place, None)
            row.hasher = hasher
            entry.originalFile = row
        log_row = repository.file_row(log, LOG_FILE)
        _add_jobs(work, fileset, upload_job, log_row, user, group, settings)
        fileset.templatePrefix = rstring(f"{folder.path}/")
        saved = work.save(fileset)
        links = saved.copyJobLinks()
    (repository.root / log).touch()
    return Begun(
        fileset_id=saved.id.val,
        job_ids=_ids(links),
        metadata_link_id=links[1].id.val,
        shared_path=folder.path,
        used_files=tuple(names),
        file_ids=tuple(entry.originalFile.id.val for entry in entries),
        paths=tuple(repository.root / place for place in places),
        log_id=log_row.id.val,
        log_path=repository.root / log,
        algorithm=algorithm,
    )


def finish_upload(work: Work, begun: Begun) -> None:
    """Note that the files are verified: all that OMERO ever notes in a fileset's jobs."""
    status = work.enumeration("JobStatus", "Finished").id.val
    changes = {"status": status, "message": "Finished"}
    work.change("UploadJob", {begun.job_ids["UploadJob"]: changes})


def _ids(links: list[Any]) -> dict[str, int]:
    return {type(link.child).__name__.removesuffix("I"): link.child.id.val for link in links}


def _entries(fileset: Any) -> list[Any]:
    entries = list(fileset.copyUsedFiles()) if fileset is not None else []
    if not entries:
        raise errors.api_usage("No paths provided")
    if any(entry.clientPath is None or not entry.clientPath.val for entry in entries):
        raise errors.api_usage("an entry of the fileset has no clientPath")
    return entries


def _upload_job(fileset: Any) -> Any:
    jobs = [link.child for link in fileset.copyJobLinks()]
    if len(jobs) != 1 or not isinstance(jobs[0], omero.model.UploadJob):
        raise errors.validation(f"Found {len(jobs)} jobs; expected exactly one UploadJob")
    return jobs[0]


def _algorithm(settings: Any) -> str:
    chosen = settings.checksumAlgorithm if settings is not None else None
    if chosen is None or not chosen.isLoaded() or chosen.value is None:
        raise errors.api_usage("must specify checksum algorithm")
    algorithm: str = unwrap(chosen.value)
    return algorithm


def _check_links(repository: Repository, actor: Actor, fileset: Any, settings: Any) -> None:
    """The user may add to the group, and sees what the server will link in the user's name."""
    linked = [link.child for link in fileset.copyAnnotationLinks()]
    with repository.store.read(actor) as work:
        _check_group(work)
        for annotation in (*linked, *(settings.userSpecifiedAnnotationList or ())):
            if annotation is not None and annotation.id is not None:
                work.get("Annotation", annotation.id.val)
        target = settings.userSpecifiedTarget
        if target is not None and target.id is not None:
            known = work.get(type(target).__name__, target.id.val)
            if not known.details.permissions.canLink():
                raise errors.security(f"you may not link to {type(target).__name__} {known.id.val}")


def _check_group(work: Work) -> None:
    """An administrator who is not in the group needs the privileges to write there."""
    kinds: tuple[tuple[str, FileKind | None], ...] = (
        ("OriginalFile", "managed"),
        ("Fileset", None),
    )
    for name, kind in kinds:
        if not work.access.may_create_in(work.actor.group_id, type_of(name), kind):
            raise errors.security(
                f"You are not authorized to create {name} in group {work.actor.group_id}"
            )


def _reader(upload_job: Any) -> str:
    for pair in upload_job.versionInfo or ():
        if pair.name == _READER:
            return str(pair.value)
    return ""


def _check_distinct(names: list[str], client_paths: list[str]) -> None:
    seen: dict[str, str] = {}
    for name, client_path in zip(names, client_paths, strict=True):
        if name in seen:
            raise errors.api_usage(
                f"{client_path!r} and {seen[name]!r} would both be {name!r} in the repository"
            )
        seen[name] = client_path


def _add_jobs(
    work: Work,
    fileset: Any,
    upload_job: Any,
    log_row: Any,
    user: str,
    group: str,
    settings: Any,
) -> None:
    """Complete the client's upload job and add those that the server will do, in OMERO's order."""
    metadata_job = omero.model.MetadataImportJobI()
    metadata_job.versionInfo = [
        omero.model.NamedValue("omero.version", VERSION),
        omero.model.NamedValue("bioformats.version", imageformats.version()),
    ]
    jobs = [upload_job, metadata_job, omero.model.PixelDataJobI()]
    if unwrap(settings.doThumbnails) is not False:
        jobs.append(omero.model.ThumbnailGenerationJobI())
    jobs.append(omero.model.IndexingJobI())
    now = rtime(time.time() * 1000)
    for job in jobs:
        job.status = work.enumeration("JobStatus", "Submitted")
        job.username, job.groupname = rstring(user), rstring(group)
        job.message, job.type = rstring(""), rstring("User")
        job.submitted = job.scheduledFor = now
        if job is not upload_job:
            fileset.linkJob(job)
    upload_job.linkOriginalFile(log_row)
