"""import: registers a fileset's files in OMERO, once, however often it is interrupted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingest import parts, prepared
from ingest.context import Context
from ingest.conversion.redirect import importable, redirected
from ingest.fileset import Fileset, Record, SourceFile, StageError, Unfinished
from ingest.import_transfers import is_custom, load_custom, removes_sources
from ingest.omero import exclusions, queries, targets
from ingest.omero.cleanup import remove_fileset
from ingest.omero.containers import Target, resolve, still_there
from ingest.omero.errors import Passing
from ingest.omero.fileset_graph import AS_IMPORTED, ImportRequest
from ingest.omero.importer import ImportOutcome, StillRunning, import_fileset
from ingest.omero.recovery import recover, remove_latecomers
from ingest.omero.removal import check_not_linked, check_not_removed, remove_sources
from ingest.omero.repository import open_repository
from ingest.omero.retrying import retried
from ingest.omero.session import Session
from ingest.omero.target_grammar import parse_target
from ingest.protection import access
from ingest.stages import Stage


def run(fileset: Fileset, upstream: Record, context: Context) -> Record:
    seconds = context.config.importing.retry_seconds

    def imported(part: Fileset, its_upstream: Record) -> Record:
        try:
            return retried(part.id, seconds, lambda: _attempt(part, its_upstream, context))
        except (Passing, Unfinished):
            raise
        except StageError:
            _check_target(part, its_upstream, context)
            raise

    records = [imported(part, before) for part, before in parts.split(fileset, upstream)]
    record = parts.joined(fileset, upstream, records)
    return redirected(fileset, record, context) if fileset.convert else record


def _check_target(fileset: Fileset, upstream: Record, context: Context) -> None:
    """After a failure: raises StageError when somebody took away the target that was prepared."""
    if not fileset.target:
        return
    try:
        entry = prepared.target_entry(fileset, upstream, context)
    except StageError:
        return  # the failure is this one, or its account's
    shared = entry["project"] if entry.get("per_fileset") else entry
    if not shared:
        return
    target = targets.target_of(shared)
    with context.sessions.using(fileset.user, fileset.group) as session:
        if still_there(session, target):
            return
    prepared.prepare_anew(context)
    raise StageError(
        f"the target {target.name} ({target}) was in OMERO when it was prepared, and is gone, has "
        "another name or takes nothing more from this user",
        "Run the same command again: it looks for the target anew, and makes it if need be.",
    )


def still_holds(fileset: Fileset, earlier: Record, context: Context) -> bool:
    """Whether OMERO still has the fileset under its import id, or the one that was found there."""

    def look() -> bool:
        with context.sessions.using(fileset.user, fileset.group) as session:
            return all(_is_there(session, facts) for facts in parts.imports(earlier))

    return retried(fileset.id, context.config.importing.retry_seconds, look)


def _is_there(session: Session, facts: Mapping[str, Any]) -> bool:
    if "found_fileset" in facts:
        return bool(queries.image_ids(session, facts["found_fileset"]))
    found = queries.filesets_with_import_ids(session, [facts["import_id"]])
    return found == [(facts["fileset_id"], facts["import_id"])]


def _attempt(fileset: Fileset, upstream: Record, context: Context) -> Record:
    with context.sessions.using(fileset.user, fileset.group) as session:
        found = _excluded(session, fileset, upstream, context)
        if found:
            return _not_imported(fileset, upstream, found)
        target = _target(session, fileset, upstream, context)
        request = _request(fileset, upstream, target, context)
        adopted = recover(session, fileset, request, context)
        if adopted:
            outcome, import_id = adopted.outcome, adopted.import_id
        else:
            if fileset.convert:
                files = importable(request.files, upstream.facts["conversion"], context)
                request = replace(request, files=files)
            outcome, import_id = _import(session, fileset, request, context), request.import_id
            remove_latecomers(session, fileset, request, context)
        _check_takes(session, target, outcome, request, context)
        removes = removes_sources(request.transfer)
        if removes:
            remove_sources(session, fileset, request.files, outcome, import_id, context)
    kept = () if removes else request.files
    return Record(
        fileset.id,
        "import",
        "ok",
        files=upstream.files,
        facts={
            **upstream.facts,
            "fileset_id": outcome.fileset_id,
            "image_ids": outcome.image_ids,
            "plate_ids": outcome.plate_ids,
            "pixels_ids": outcome.pixels_ids,
            "target": target.to_json() if target else None,
            "import_id": import_id,
            "algorithm": outcome.algorithm,
            "server_digests": outcome.server_digests,
            "repository_files": outcome.repository_files,
            "access": access({each.name: each.path for each in kept}),
            "source_access": access(_origins(kept, upstream)),
            "repository_access": access(outcome.repository_files),
        },
    )


def _origins(files: Sequence[SourceFile], upstream: Record) -> dict[str, str]:
    """Where files that lie elsewhere now come from, by their names; what was converted, by path."""
    converted = upstream.facts.get("conversion", {}).get("sources", ())
    return {
        **{file.name: file.source for file in files if file.source != file.path},
        **{each["path"]: each["path"] for each in converted},
    }


def _excluded(
    session: Session, fileset: Fileset, upstream: Record, context: Context
) -> exclusions.Found | None:
    """The fileset that the row's exclusions find in OMERO; the row's own imports do not count."""
    if not fileset.exclude:
        return None
    own = [
        event["import_id"]
        for event in context.journal.events(fileset.id)
        if "import_id" in event and event.get("database") == session.database
    ]
    if own and queries.filesets_with_import_ids(session, own):
        return None
    return exclusions.find(session, upstream.files, fileset.exclude)


def _not_imported(fileset: Fileset, upstream: Record, found: exclusions.Found) -> Record:
    return Record(
        fileset.id,
        "import",
        "notneeded",
        f"already in OMERO as Fileset:{found.fileset_id} ({found.how})",
        files=upstream.files,
        facts={**upstream.facts, "found_fileset": found.fileset_id},
    )


def _import(
    session: Session, fileset: Fileset, request: ImportRequest, context: Context
) -> ImportOutcome:
    check_not_removed(fileset, request.files, context)
    if removes_sources(request.transfer):
        check_not_linked(session, request.files)
    if is_custom(request.transfer):
        load_custom(request.transfer, context.config.importing.transfer_folder)
    context.journal.append(
        fileset.id,
        "import",
        "intent",
        import_id=request.import_id,
        database=session.database,
        session_id=session.id,
        user=session.user,
        group=session.group,
        target=f"{request.target[0]}:{request.target[1]}" if request.target else "",
        transfer=request.transfer,
        **request.as_imported,
    )
    try:
        return import_fileset(
            session,
            request,
            context.config.omero.managed_repository,
            lambda step: context.log.info("%s: %s", fileset.id, step),
        )
    except StillRunning:
        raise
    except StageError:
        if not queries.filesets_with_import_ids(session, [request.import_id]):
            context.journal.append(fileset.id, "import", "failed", removed_import=request.import_id)
        raise


def _request(
    fileset: Fileset, upstream: Record, target: Target | None, context: Context
) -> ImportRequest:
    config = context.config
    algorithm = upstream.facts["algorithm"]
    undigested = [file.path for file in upstream.files if algorithm not in file.digests]
    if undigested:
        raise StageError(
            f"{undigested[0]} has no {algorithm} digest",
            "Run the checksum stage of this batch again.",
        )
    return ImportRequest(
        import_id=str(uuid.uuid4()),
        files=upstream.files,
        transfer=fileset.import_transfer,
        algorithm=algorithm,
        target=(target.type, target.id) if target else None,
        name=fileset.name,
        description=fileset.description,
        reader=upstream.facts.get("reader", ""),
        pixel_size=fileset.pixel_size,
        annotations=fileset.annotations,
        comments=fileset.comments,
        thumbnails=fileset.thumbnails,
        minmax=fileset.minmax,
        parallel_files=config.importing.parallel_files,
        timeout=seconds_of(config.importing.wait),
    )


def seconds_of(wait: str | int) -> float | None:
    """How long `import.wait` says to wait; None means forever."""
    if isinstance(wait, int):
        return wait * 60.0
    return None if wait == "forever" else 0.0


def _target(
    session: Session, fileset: Fileset, upstream: Record, context: Context
) -> Target | None:
    if not fileset.target:
        return None
    entry = prepared.target_entry(fileset, upstream, context)
    if entry.get("per_fileset"):
        return _own_target(session, fileset, entry, context)
    return targets.target_of(entry)


def _own_target(
    session: Session, fileset: Fileset, entry: dict[str, Any], context: Context
) -> Target:
    """The container of this fileset alone: the one an earlier run made, or a new one."""
    mark = str(uuid.uuid4())
    row = parts.row_id(fileset.id)
    for event in reversed(context.journal.events(row)):
        if (event.get("database"), event.get("wanted")) != (session.database, entry["target"]):
            continue
        if "made_target" in event:
            target = targets.target_of(event["made_target"])
            if still_there(session, target):
                return target
        elif "mark" in event:
            # Announced, and perhaps made, by a run that was killed before it could note that.
            mark = event["mark"]
        break
    facts = {"wanted": entry["target"], "database": session.database, "mark": mark}
    context.journal.append(row, "import", "intent", **facts)
    project = targets.target_of(entry["project"]) if entry["project"] else None
    made: list[Target] = []
    target = resolve(session, parse_target(entry["target"]), project, mark, made)
    context.journal.append(
        row,
        "import",
        "intent",
        made_target=target.to_json(),
        made=[each.to_json() for each in made],
        user=session.user,
        group=session.group,
        **facts,
    )
    return target


def _check_takes(
    session: Session,
    target: Target | None,
    outcome: ImportOutcome,
    request: ImportRequest,
    context: Context,
) -> None:
    """Undoes an import into a Screen that is not a plate: OMERO would leave its images unlinked."""
    if target is None or target.type != "Screen" or outcome.plate_ids:
        return
    repository = open_repository(session, context.config.omero.managed_repository)
    remove_fileset(
        session, repository, outcome.fileset_id, request.transfer, request.files,
        request.annotations,
    )  # fmt: skip
    raise StageError(
        f"{request.files[0].path} is not a plate, and a Screen ({target.name}) holds plates only",
        "Give the row a Dataset as its target; the import was undone.",
    )


def _parallel(context: Context) -> int:
    return context.config.importing.parallel_filesets


STAGE = Stage(
    "import",
    run,
    still_holds,
    uses=("target", "user", "group", "import_transfer", "exclude", *AS_IMPORTED),
    parallel=_parallel,
)
