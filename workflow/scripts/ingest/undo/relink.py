"""relink: leads the links of what was imported to where its storage was moved.

For each row in this order, so that it may be killed anywhere and done again: the bytes at the new
place are compared; each link is replaced by a new one renamed over it; OMERO reads one of them;
OMERO's client paths and our source annotation are told; the journal is; and last, when all rows are
done, the records. A row that was done is found as such by its links and its journal.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import omero.all

from ingest import parts
from ingest.context import Context
from ingest.fileset import Record, StageError
from ingest.links import lead
from ingest.omero import queries
from ingest.omero.session import Session
from ingest.progress import tool_noted
from ingest.source_files import in_threads
from ingest.undo import amounts, told
from ingest.undo.imports import Begun, Row, rows
from ingest.undo.moved_links import Link, State, is_moved, links_of
from ingest.undo.moved_records import (
    moved_record,
    note_in_journal,
    rewrite_records,
    tell_omero,
)
from ingest.undo.options import Relink
from ingest.undo.roots import Roots, below

TOOL = "relink"

log = logging.getLogger("ingest")


@dataclass(frozen=True)
class Work:
    """A row with its links; `notes` says whether what is noted of it tells an old place."""

    row: Row
    record: Record
    links: Sequence[Link]
    notes: bool

    @property
    def changes(self) -> list[Link]:
        return [link for link in self.links if link.state == "change"]

    @property
    def refused(self) -> bool:
        return any(link.state == "refused" for link in self.links)


class ServerCannotRead(StageError):
    """OMERO does not see the new place: no other row would fare better."""


def relink(context: Context) -> None:
    """The tool: reports to results/relink.{txt,csv,json}, and changes links when it is asked to.

    Raises StageError for options that cannot be used, and SystemExit(1) when something is left to
    be done by people.
    """
    options = context.config.relink
    if not options.roots:
        raise StageError(
            "relink has no roots: where was storage moved from, and where to?",
            "Write them in the configuration, or give them: "
            f"{told.command(TOOL, {'roots': {'/old/store': '/new/store'}}).strip()}",
        )
    roots = Roots(options.roots)
    works = _looked_at(roots, options, context)
    links = [link for work in works for link in work.links]
    count = sum(link.state == "change" for link in links)
    earlier = amounts.begun(context.results, TOOL)
    if earlier and earlier.what != options.roots:
        earlier = None
    failed: list[str] = []
    refusal = ""
    if options.apply is not False:
        refusal = amounts.refusal(
            options.apply, count, len(links), options.most, earlier.count if earlier else None
        )
        if not refusal:
            number = earlier.count if earlier else count
            amounts.begin(context.results, TOOL, number, options.roots)
            failed = _apply(works, roots, context)
            if not failed:
                amounts.end(context.results, TOOL)
    _report(links, works, refusal, failed, earlier, options, context)
    if refusal or failed or any(link.state == "refused" for link in links):
        raise SystemExit(1)


def _looked_at(roots: Roots, options: Relink, context: Context) -> list[Work]:
    def look(row: Row) -> Work | None:
        record = row.imported.record
        if record is None or "fileset_id" not in record.facts or not row.begun:
            return None
        links = links_of(record, roots, options.mode)
        if all(link.state == "nothing" for link in links):
            notes = is_moved(record, roots, options.mode)
        else:
            # Links that lead to the new place, and records that do not: it was killed in between.
            notes = moved_record(record, roots) != record
        return Work(row, record, links, notes)

    def looked(row: Row) -> Work | None:
        work = look(row)
        context.progress.advance(_size(row))
        context.progress.fileset_done()
        return work

    imported = list(rows(context))
    size = sum(map(_size, imported)) if options.mode == "full" else 0
    with tool_noted(context.progress, context.results, TOOL, size):
        return list(filter(None, in_threads(looked, imported, context.threads)))


def _size(row: Row) -> int:
    record = row.imported.record
    return sum(file.size for file in record.files) if record else 0


def _apply(works: Sequence[Work], roots: Roots, context: Context) -> list[str]:
    """Changes what may be changed; what failed, in words."""
    failed = []
    for work in works:
        if work.refused or not (work.changes or work.notes):
            continue
        try:
            _change(work, roots, context)
        except ServerCannotRead as error:
            failed.append(f"{work.row.id}: {error.cause}. {error.remedy}")
            break
        except StageError as error:
            log.error("%s: %s. %s", work.row.id, error.cause, error.remedy)
            failed.append(f"{work.row.id}: {error.cause}. {error.remedy}")
    else:
        if not failed:
            _rewrite(works, roots, context)
    return failed


def _rewrite(works: Sequence[Work], roots: Roots, context: Context) -> None:
    moved: dict[str, set[str]] = {}
    for work in works:
        if work.row.batch is not None and not work.refused:
            moved.setdefault(work.row.batch, set()).add(work.row.id)
    for batch, names in moved.items():
        rewrite_records(context.results, batch, names, roots)


def _change(work: Work, roots: Roots, context: Context) -> None:
    row, record = work.row, work.record
    imports = {begun.import_id: begun for begun in row.begun}
    facts = [its for its in parts.imports(record) if its.get("import_id") in imports]
    if not facts:
        raise StageError(
            "the journal does not tell which import it is", "Look with `snakemake audit`."
        )
    owner: Begun = imports[facts[0]["import_id"]]
    ids = [its["fileset_id"] for its in facts]
    annotated = row.done("annotate")
    source_id = annotated.facts.get("source_id") if annotated else None
    with context.sessions.using(owner.user, owner.group) as session:
        there = queries.filesets_with_import_ids(session, [its["import_id"] for its in facts])
        if [fileset_id for fileset_id, _ in there] != sorted(ids):
            if not work.changes:
                return  # deleted in OMERO, and no link of it is left
            raise StageError(
                f"OMERO does not have {', '.join(f'Fileset:{each}' for each in ids)} (any more)",
                "Look with `snakemake audit`; the same command as for the import imports it again.",
            )
        if work.changes:
            changes = {link.link: [link.leads_to, link.new] for link in work.changes}
            context.journal.append(row.id, TOOL, "intent", links=changes)
            for link in work.changes:
                lead(Path(link.link), link.leads_to, link.new)
            _check_read(session, ids[0], work)
        tell_omero(session, ids, source_id, record, roots)
    note_in_journal(row, roots, context)


def _check_read(session: Session, fileset_id: int, work: Work) -> None:
    """Raises ServerCannotRead, with the links led back, unless OMERO reads the first file."""
    first, *_ = queries.entries(session, fileset_id)
    store = session.factory.createRawFileStore()
    try:
        store.setFileId(first.file_id, session.context())
        size = store.size()
        reads = size == first.size and (not size or len(store.read(0, 1)) == 1)
    except omero.ServerError as error:
        log.error("OMERO on %s: %s", work.changes[0].new, error.message)
        reads = False
    finally:
        store.close()
    if reads:
        return
    for link in work.changes:
        lead(Path(link.link), link.new, link.leads_to)
    raise ServerCannotRead(
        f"OMERO cannot read {work.changes[0].new}: its links were set back",
        "The server must mount the new place at the same path, and be allowed to read it. What "
        "was done before stays; give the same command again.",
    )


def _report(
    links: Sequence[Link],
    works: Sequence[Work],
    refusal: str,
    failed: Sequence[str],
    earlier: amounts.Begun | None,
    options: Relink,
    context: Context,
) -> None:
    counted = Counter(link.state for link in links)
    applied = options.apply is not False and not refusal
    noted = sum(work.notes and not work.changes and not work.refused for work in works)
    lines = [
        f"relink: {len(links)} links and files of {len(works)} imported rows.",
        "",
        *(f"  {old}  ->  {new}" for old, new in sorted(options.roots.items())),
        "",
        f"  {counted['change']:>7} {'changed' if applied else 'to be changed'}",
        f"  {counted['done']:>7} lead to the new place already",
        f"  {counted['nothing']:>7} with nothing to do (copies, hard links, other places)",
        f"  {counted['refused']:>7} refused",
    ]
    if noted:
        lines.append(
            f"  {noted:>7} rows of which only the records will be changed to the new place"
        )
    lines += told.examples(
        "refused", [f"{x.link}: {x.cause}. {x.remedy}" for x in links if x.state == "refused"]
    )
    lines += told.examples(
        "roots with nothing imported below them (are they written as in the manifest?)",
        _idle_roots(works, options),
    )
    if failed:
        lines += told.examples("not done", failed)
    elif not applied:
        changes = [f"{x.link}: {x.leads_to} -> {x.new}" for x in links if x.state == "change"]
        lines += told.examples("would be changed", changes)
    lines += _how_on(refusal, failed, counted, noted, earlier, options)
    told.write(
        context.results,
        TOOL,
        lines,
        [link.to_json() for link in links],
        Link.__slots__,
        {"applied": applied, "refusal": refusal, "failed": list(failed), "counts": dict(counted)},
    )


def _idle_roots(works: Sequence[Work], options: Relink) -> list[str]:
    """The old roots that no file of an imported row lies below, neither there nor at the new place:
    most often they are misspelt."""
    paths = {link.leads_to for work in works for link in work.links}
    for work in works:
        originals = work.record.facts.get("conversion", {}).get("sources", ())
        paths.update(original["path"] for original in originals)
        for file in work.record.files:
            paths.update((file.path, file.source))
    return [
        old
        for old, new in sorted(options.roots.items())
        if not any(below(path, old) or below(path, new) for path in paths)
    ]


def _how_on(
    refusal: str,
    failed: Sequence[str],
    counted: Mapping[State, int],
    noted: int,
    earlier: amounts.Begun | None,
    options: Relink,
) -> list[str]:
    count = counted.get("change", 0)
    number = earlier.count if earlier else count
    command = told.command(
        TOOL, {"roots": options.roots, "mode": options.mode, "apply": number or True}
    )
    if refusal:
        return ["", f"Nothing was changed: {refusal}. If that is what you want:", "", command]
    if failed:
        return ["", "Fix that, and give the same command again."]
    if not count and not noted:
        if counted.get("refused"):
            return ["", "Nothing can be changed until that is fixed."]
        return ["", "There is nothing to change."]
    if options.apply is not False and counted.get("refused"):
        return ["", "The rest was done. Fix what was refused, and give the same command again."]
    if options.apply is not False:
        return ["", "Done. Now write the new paths into the manifest (and transfer.store)."]
    begun = f" An earlier command began on {earlier.count}." if earlier else ""
    return ["", f"Nothing was changed.{begun} To do it:", "", command]
