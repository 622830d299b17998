"""rollback: takes what a results folder's runs imported out of OMERO again. No source is touched.

In this order, so that it may be killed anywhere and done again: what the run left that claims the
filesets are in OMERO goes first; files that only OMERO has are brought back; the filesets are
deleted, some at a time, each announced in the journal before and noted after; empty containers go
last. A plain run in between, or afterwards, finds in the journal and in OMERO what is true, and
imports again what is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.context import Context
from ingest.fileset import StageError
from ingest.ledger.update import note_in_ledger
from ingest.summary import collect
from ingest.undo import amounts, told
from ingest.undo.claims import withdraw, withdraw_targets
from ingest.undo.imports import Row, batches, rows
from ingest.undo.left_empty import Left, left_empty, remove_empty
from ingest.undo.options import Rollback
from ingest.undo.taking import note_gone, take_out
from ingest.undo.to_take_out import COLUMNS, Item, looked_at

TOOL = "rollback"


@dataclass(frozen=True)
class _Done:
    """What is to be told: `number` is the one to ask with, `refusal` why nothing was done."""

    items: Sequence[Item]
    left: Left
    number: int
    applied: bool
    refusal: str
    removed: Sequence[str]
    elsewhere: int
    found: int


def rollback(context: Context) -> None:
    """The tool: reports to results/rollback.{txt,csv,json}, and deletes when it is asked to.

    Raises StageError for options that cannot be used, and SystemExit(1) when something is left to
    be done by people.
    """
    options = context.config.rollback
    chosen, elsewhere = _chosen(options, context)
    with context.sessions.using() as session:
        database = session.database
    items = looked_at(chosen, database, options, context)
    count = sum(item.state == "remove" for item in items)
    left = left_empty(chosen, items, database, context)
    what = options.model_dump(mode="json", exclude={"apply", "most"})
    earlier = amounts.begun(context.results, TOOL)
    if earlier and earlier.what != what:
        earlier = None
    number = earlier.count if earlier else count
    refusal = ""
    if options.apply is not False:
        total = sum(item.omero is not None for item in items)
        refusal = amounts.refusal(
            options.apply, count, total, options.most, earlier.count if earlier else None
        )
    applied = options.apply is not False and not refusal
    removed: list[str] = []
    if applied:
        amounts.begin(context.results, TOOL, number, what)
        removed = _apply(items, left, options, context)
        note_in_ledger(context, collect(context.results, batches(context)))
        if not any(item.state == "failed" for item in items):
            amounts.end(context.results, TOOL)
    found = sum(row.found_there for row in chosen)
    done = _Done(items, left, number, applied, refusal, removed, elsewhere, found)
    _report(done, options, context)
    if refusal or any(item.state in ("refused", "failed") for item in items):
        raise SystemExit(1)


def _chosen(options: Rollback, context: Context) -> tuple[list[Row], int]:
    """The rows that are meant, and how many others are not in the manifest any more."""
    known = {row.id: row for row in rows(context)}
    unknown = [name for name in options.filesets if name not in known]
    if unknown:
        raise StageError(
            f"nothing was imported for the fileset {unknown[0]} of rollback.filesets",
            "Write the ids of rows as the manifest has them (or had, when they were imported).",
        )
    if options.filesets:
        return [known[name] for name in dict.fromkeys(options.filesets)], 0
    planned = [row for row in known.values() if row.batch is not None]
    return planned, len(known) - len(planned)


def _apply(items: Sequence[Item], left: Left, options: Rollback, context: Context) -> list[str]:
    """Takes out what may go; the containers that were removed, in words."""
    going = [item for item in items if item.state == "remove"]
    gone = [item for item in items if item.state == "gone"]
    batches = {item.row.batch for item in [*going, *gone] if item.row.batch is not None}
    if batches:
        withdraw(sorted(batches), context)
    note_gone(gone, context)
    take_out(going, options, context)
    if not options.containers:
        return []
    if left.made:
        withdraw_targets(context)
    removed = remove_empty(left.made, context)
    return [str(each) for each in removed]


def _report(done: _Done, options: Rollback, context: Context) -> None:
    counted = Counter(item.state for item in done.items)
    going = [item for item in done.items if item.state in ("remove", "removed") and item.omero]
    images = sum(len(item.omero.images) for item in going if item.omero)
    plates = sum(len(item.omero.plates) for item in going if item.omero)
    verb = "taken out of OMERO" if done.applied else "to be taken out of OMERO"
    lines = [
        f"rollback: {len(done.items)} imports of {context.results}. Sources, and copies in the "
        "store, stay as they are.",
        "",
        f"  {len(going):>7} filesets {verb}, with {images} images and {plates} plates",
        f"  {counted['refused']:>7} refused",
        f"  {counted['gone']:>7} not in OMERO (any more)",
    ]
    if counted["failed"]:
        lines.append(f"  {counted['failed']:>7} failed")
    if done.elsewhere:
        lines.append(f"  {done.elsewhere:>7} rows that left the manifest: name them in filesets")
    if done.found:
        lines.append(f"  {done.found:>7} rows were in OMERO before: their filesets stay")
    for state in ("refused", "failed"):
        lines += told.examples(
            state,
            [f"{x.row.id}: {x.cause}. {x.remedy}" for x in done.items if x.state == state],
        )
    used = [f"{x.row.id}: {', '.join(x.omero.uses)}" for x in going if x.omero and x.omero.uses]
    lines += told.examples("work of people that goes with them", used)
    lines += told.examples("left empty", done.left.words(options.containers))
    lines += told.examples("containers removed", done.removed)
    if not done.applied:
        some = [f"{x.row.id}: Fileset:{x.omero.fileset_id}" for x in going if x.omero]
        lines += told.examples("would be taken out", some)
    told.write(
        context.results,
        TOOL,
        lines + _how_on(done, options, len(going)),
        [item.to_json() for item in done.items],
        COLUMNS,
        {
            "applied": done.applied,
            "refusal": done.refusal,
            "counts": dict(counted),
            "left_empty": done.left.words(options.containers),
            "containers_removed": list(done.removed),
        },
    )


def _how_on(done: _Done, options: Rollback, count: int) -> list[str]:
    given = options.model_dump(mode="json", exclude_defaults=True, exclude={"apply", "most"})
    command = told.command(TOOL, {**given, "apply": done.number or True})
    if done.refusal:
        return ["", f"Nothing was changed: {done.refusal}. If that is what you want:", "", command]
    if any(item.state == "failed" for item in done.items):
        return ["", "Fix that, and give the same command again."]
    if done.applied:
        if not count:
            return ["", "There was nothing (else) to take out."]
        return [
            "",
            "Done. The next run imports these rows again, unless you remove them from the",
            "manifest or change them first.",
        ]
    if not done.number:
        return ["", "There is nothing to take out."]
    return ["", "Nothing was changed. To do it:", "", command]
