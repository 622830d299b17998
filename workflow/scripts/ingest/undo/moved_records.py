"""Records, and OMERO's notes, of files whose storage was moved: they tell the new place."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omero.rtypes import rstring, unwrap

from ingest.atomic import fsync_folder
from ingest.context import Context
from ingest.copying import partial_path
from ingest.fileset import Fileset, Record, SourceFile
from ingest.journal import last_done
from ingest.omero.client_paths import client_path
from ingest.omero.session import Session
from ingest.protection import access
from ingest.records import json_lines, read_records
from ingest.runner import input_key
from ingest.source_files import found_at
from ingest.stages import Stage, annotate, checksum, convert, importing, transfer
from ingest.undo.imports import Row, record_path
from ingest.undo.roots import Roots

STAGES: tuple[Stage, ...] = (
    convert.STAGE, checksum.STAGE, transfer.STAGE, importing.STAGE, annotate.STAGE,
)  # fmt: skip

_TOLD = ("path", "original kept in")  # pairs of the source annotation that are paths


def place_now(path: str, roots: Roots) -> str:
    """Where what lay at `path` is: at the new place if there is something, else where it was."""
    new = roots.new(path)
    return new if new is not None and os.path.lexists(new) else path


def moved_file(file: SourceFile, roots: Roots) -> SourceFile:
    """`file` as it is at its new place; as it was where nothing of it was moved."""
    path = place_now(file.path, roots)
    moved = replace(file, source=place_now(file.source, roots))
    if path == file.path:
        # What a link in the store leads to may be another file, although the link stays.
        return moved if moved == file or not Path(path).exists() else found_at(Path(path), moved)
    try:
        return found_at(Path(path), moved)
    except OSError:
        return file


def moved_record(record: Record, roots: Roots) -> Record:
    """The record with every path in it led to its new place."""
    facts = dict(record.facts)
    if "conversion" in facts:
        facts["conversion"] = _moved_conversion(facts["conversion"], roots)
    if "repository_files" in facts:
        facts["repository_files"] = _moved_values(facts["repository_files"], roots)
    if "imports" in facts:
        facts["imports"] = [
            {**its, "repository_files": _moved_values(its["repository_files"], roots)}
            if "repository_files" in its
            else its
            for its in facts["imports"]
        ]
    files = tuple(moved_file(file, roots) for file in record.files)
    for key, paths in (
        ("access", {file.name: file.path for file in files}),
        ("source_access", {file.name: file.source for file in files}),
        ("repository_access", facts.get("repository_files", {})),
    ):
        moved = [
            new.name
            for old, new in zip(record.files, files, strict=True)
            if (old.path, old.source) != (new.path, new.source) and new.name in facts.get(key, {})
        ]
        if moved:  # their owners may be others there; links are new, whoever made them
            facts[key] = facts[key] | access({name: paths[name] for name in moved})
    return replace(record, files=files, facts=facts)


def _moved_values(paths: Mapping[str, str], roots: Roots) -> dict[str, str]:
    return {name: place_now(path, roots) for name, path in paths.items()}


def _moved_conversion(facts: Mapping[str, Any], roots: Roots) -> dict[str, Any]:
    moved = {**facts, "folder": place_now(facts["folder"], roots)}
    if "sources" in facts:
        moved["sources"] = [
            moved_file(SourceFile(**source), roots).to_json() for source in facts["sources"]
        ]
    return moved


def note_in_journal(row: Row, roots: Roots, context: Context) -> None:
    """Has the journal hold, as each stage's last outcome, its record with the new places.

    A rerun of a manifest that names them then finds what it would have found at the old ones.
    """
    fileset = row.fileset and _moved_fileset(row.fileset, roots)
    upstream: Record | None = Record(row.id, "plan", "notneeded")
    events = row.events()
    for stage in STAGES:
        done = last_done(events, stage.name)
        if done is None:
            upstream = None
            continue
        record = moved_record(Record.from_json(done["record"]), roots)
        key = ""
        if fileset and upstream:
            key = input_key(stage, fileset, upstream, context)
        if (key, record.to_json()) != (done["key"], done["record"]):
            context.journal.append(row.id, stage.name, "done", key=key, record=record.to_json())
        upstream = record


def _moved_fileset(fileset: Fileset, roots: Roots) -> Fileset:
    return replace(
        fileset,
        path=place_now(fileset.path, roots),
        checksums=place_now(fileset.checksums, roots) if fileset.checksums else "",
    )


def rewrite_records(results: Path, batch: str, rows: set[str], roots: Roots) -> None:
    """Has the records of these rows tell the new places.

    The files keep their times: nothing is to be done again because of it.
    """
    for stage in STAGES:
        path = record_path(results, stage.name, batch)
        try:
            before, records = path.stat(), read_records(path)
        except FileNotFoundError:
            continue
        moved = {
            name: moved_record(record, roots) if name in rows else record
            for name, record in records.items()
        }
        if moved != records:
            _replace(path, json_lines(moved.values()), before.st_mtime_ns)


def _replace(path: Path, content: bytes, mtime_ns: int) -> None:
    beside = partial_path(path)  # always the same: a killed attempt's is written anew
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.utime(beside, ns=(mtime_ns, mtime_ns))
    beside.replace(path)
    fsync_folder(path.parent)


def tell_omero(
    session: Session, fileset_ids: Sequence[int], source_id: int | None, record: Record,
    roots: Roots,
) -> None:  # fmt: skip
    """Has OMERO's client paths and the source annotation of a row tell the new places.

    By client paths others see which files a fileset needs, and what was imported already.
    """
    paths = {
        client_path(file.path): client_path(moved_file(file, roots).path) for file in record.files
    }
    changed = []
    for fileset_id in fileset_ids:
        for entry in session.objects(
            "select e from FilesetEntry e where e.fileset.id = :id order by e.id", id=fileset_id
        ):
            now = unwrap(entry.getClientPath())
            if paths.get(now, now) != now:
                entry.setClientPath(rstring(paths[now]))
                changed.append(entry)
    if changed:
        session.save(changed)
    if source_id is not None:
        _tell_annotation(session, source_id, roots)


def _tell_annotation(session: Session, annotation_id: int, roots: Roots) -> None:
    for annotation in session.objects(
        "select a from MapAnnotation a left outer join fetch a.mapValue where a.id = :id",
        id=annotation_id,
    )[:1]:
        pairs = annotation.getMapValue() or []
        moved = {pair.name: place_now(pair.value, roots) for pair in pairs if pair.name in _TOLD}
        if all(moved.get(pair.name, pair.value) == pair.value for pair in pairs):
            continue
        for pair in pairs:
            pair.value = moved.get(pair.name, pair.value)
        annotation.setMapValue(pairs)
        session.save([annotation])
