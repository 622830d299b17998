"""Every row of the manifest, with what a run would do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingest.config import Config
from ingest.context import Context
from ingest.doctor.mounts import Mount, read_mounts
from ingest.doctor.rows import Row, files_of
from ingest.doctor.storage import link_obstacles, link_remedy
from ingest.fileset import Fileset, Problem, StageError
from ingest.import_transfers import removes_sources, way
from ingest.imported import ImportedRow, imported_rows
from ingest.journal import last_done
from ingest.manifest import Manifest
from ingest.omero.placing import REMEDY_MOUNT
from ingest.plan_report.estimate import stored
from ingest.plan_report.omero_side import Place, Seen, ask, client_paths
from ingest.plan_report.planned import BY_JOURNAL, BY_PATH, Planned, State
from ingest.source_removal import check_removable


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows in the manifest's order. `problem`: OMERO could not be asked, which leaves accounts,
    targets and its repository unknown."""

    rows: list[Planned]
    repository: Path | None
    problem: Problem | None


def plan_rows(manifest: Manifest, context: Context) -> Plan:
    """Asks OMERO and the file systems; changes nothing."""
    imported = {row.id: row for row in imported_rows(context.journal)}
    begun = [_begun(fileset, imported.get(fileset.id), context) for fileset in manifest.rows]
    left = [planned.row for planned in begun if planned.goes_in]
    seen = ask(left, context) if left else Seen({}, {})
    mounts = read_mounts()
    rows = [
        _judged(planned, seen, mounts, context) if planned.goes_in else planned for planned in begun
    ]
    return Plan(rows, seen.repository, seen.problem)


def _begun(fileset: Fileset, imported: ImportedRow | None, context: Context) -> Planned:
    """A row as the manifest and the journal know it."""
    if fileset.problem:
        return Planned(Row(fileset, (), 0), "refused", fileset.problem)
    if imported and imported.record and (imported.imports or not imported.begun):
        record = imported.record
        size = sum(file.size for file in record.files)
        row = Row(fileset, tuple(file.source for file in record.files), size, landed=True)
        ids = [facts.get("fileset_id") or facts.get("found_fileset") for facts in imported.imports]
        algorithms = sorted({name for file in record.files for name in file.digests})
        target = record.facts.get("target") or {}
        return Planned(
            row,
            "done",
            digests=_told(algorithms, "journal"),
            target=fileset.target,
            target_is=f"{target['type']} {target['id']}" if target else "",
            user=fileset.user,
            group=fileset.group,
            omero=tuple(each for each in ids if each),
            found_by=BY_JOURNAL,
        )
    events = context.journal.events(fileset.id)
    files = files_of(fileset)
    row = Row(fileset, files, _bytes(files), bool(last_done(events, "transfer")))
    state: State = "continue" if imported and imported.open else "import"
    return Planned(row, state, digests=_digests(fileset, events))


def _bytes(files: Sequence[str]) -> int:
    total = 0
    for path in files:
        try:
            total += Path(path).stat().st_size
        except OSError:  # gone since the manifest was read: its stage says so
            continue
    return total


def _digests(fileset: Fileset, events: Sequence[dict[str, Any]]) -> str:
    known = []
    if fileset.checksum:
        known.append(_told([fileset.checksum.partition(":")[0]], "manifest"))
    if fileset.checksums:
        known.append(f"listed in {Path(fileset.checksums).name} (manifest)")
    done = last_done(events, "checksum")
    if done:
        files = done["record"]["files"]
        known.append(_told(sorted({name for file in files for name in file["digests"]}), "journal"))
    return "; ".join(known)


def _told(algorithms: Sequence[str], where: str) -> str:
    return f"{', '.join(algorithms)} ({where})" if algorithms else ""


def _judged(planned: Planned, seen: Seen, mounts: Sequence[Mount], context: Context) -> Planned:
    """With what OMERO has for it, and what stands in its way."""
    row, config = planned.row, context.config
    place = seen.places.get(row.fileset.row, Place(row.fileset.user, row.fileset.group))
    planned = replace(
        planned,
        user=place.user,
        group=place.group,
        target=place.target or row.fileset.target,
        target_is=place.target_is,
        stored=stored(planned, config.transfer.store),
        uploaded=0 if way(row.fileset.import_transfer) in ("ln_s", "ln") else row.size,
    )
    known = [seen.filesets[path] for path in client_paths(row, context) if path in seen.filesets]
    if known and planned.state == "import":
        planned = replace(
            planned,
            omero=tuple(sorted({fileset for fileset, _ in known})),
            found_by=BY_PATH,
        )
        in_group = any(group == place.group for _, group in known)
        if in_group and "clientpath" in row.fileset.exclude:
            return replace(planned, state="there", stored=0, uploaded=0)
    problem = place.problem or _obstacle(row, seen.repository, mounts, config)
    if problem:
        return replace(planned, state="blocked", problem=problem, stored=0, uploaded=0)
    return planned


def _obstacle(
    row: Row, repository: Path | None, mounts: Sequence[Mount], config: Config
) -> Problem | None:
    """What the transfers can be seen to fail for, without trying them."""
    fileset = row.fileset
    needs_repository = way(fileset.import_transfer) != "upload"
    if needs_repository and repository is not None and not repository.is_dir():
        return Problem(
            f"OMERO's managed repository is not at {repository} on this machine", REMEDY_MOUNT
        )
    for path, obstacle in link_obstacles(row, config, repository, mounts):
        if obstacle:
            return Problem(f"no hard link of {path} can be made: {obstacle}", link_remedy(obstacle))
    if fileset.transfer == "mv" or removes_sources(fileset.import_transfer):
        for path in row.files:
            try:
                check_removable(Path(path), "use a transfer that keeps it")
            except StageError as error:
                return Problem(error.cause, error.remedy)
    return None if row.landed else _taken(row, config)


def _taken(row: Row, config: Config) -> Problem | None:
    """A folder in the store that no run of these results has made."""
    store = config.transfer.store
    if row.fileset.convert:
        store = config.convert.store or store
    elif row.fileset.transfer == "none":
        return None
    if store is None:
        return None
    home = store.absolute() / row.fileset.id
    if not home.is_dir() or not any(home.iterdir()):
        return None
    return Problem(
        f"{home} exists already, but no run with these results is known to have finished it",
        "If it is from a run that was killed, go ahead: files with the right bytes are used. "
        "Otherwise give the row another fileset id, or move that folder away.",
    )
