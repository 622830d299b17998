"""The metadata job: reads the tables, finds what they are about, and puts it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ingest.context import Context
from ingest.metadata.attaching import Said, attach
from ingest.metadata.columns import describe, key_values
from ingest.metadata.matching import Described, match
from ingest.metadata.objects import described_objects
from ingest.metadata.omero_tables import put_tables
from ingest.metadata.options import Metadata
from ingest.metadata.reading import read_lines
from ingest.metadata.rembi import missing_fields
from ingest.metadata.report import Outcome, write_report
from ingest.plan import load_index
from ingest.summary import collect

Pairs = Sequence[tuple[str, str]]


def put_metadata(context: Context) -> None:
    """Writes metadata.csv and metadata.txt into the results.

    A row that is about nothing, or about two things, is in them and nowhere else. Raises StageError
    when a table cannot be read; then nothing is put anywhere.
    """
    options = context.config.metadata
    tables = [describe(read_lines(path)) for path in options.tables]
    outcomes = collect(context.results, load_index(context.results).batches)
    objects = described_objects(outcomes, context)
    beside = {
        outcome.fileset.id: pairs
        for outcome in outcomes
        if (pairs := _beside(outcome.fileset.path, options.beside))
    }
    found = Outcome(beside=len(beside), filesets=len(outcomes))
    said: dict[tuple[str, str], Said] = defaultdict(Said)
    keys: dict[str, set[str]] = defaultdict(set)
    for outcome in outcomes:
        keys[outcome.fileset.id] |= {key for key, _ in outcome.fileset.key_values}
    _say_of_filesets(objects, beside, said, keys, options)
    for table in tables:
        found.matches[table.path] = matches = match(table, objects)
        for each in matches:
            for object_ in each.objects:
                pairs = each.row.pairs(table.columns)
                said[object_.user, object_.group].add(
                    object_, pairs, _lower(options.tags), options.wells_to_images
                )
                for fileset in object_.names.get("fileset", ()):
                    keys[fileset] |= {key for key, _ in pairs}
    namespace = f"{context.config.annotate.namespace_prefix}/metadata"
    for (user, group), theirs in said.items():
        with context.sessions.using(user, group) as session:
            attach(session, theirs, namespace, options.key_values)
            for table in tables if options.table else ():
                put_tables(session, table, found.matches[table.path], (user, group))
    if options.rembi == "report":
        for of_fileset in keys.values():
            found.missing.update(missing_fields(of_fileset))
    write_report(context.results, found)


def _say_of_filesets(
    objects: Sequence[Described],
    beside: Mapping[str, Pairs],
    said: Mapping[tuple[str, str], Said],
    keys: Mapping[str, set[str]],
    options: Metadata,
) -> None:
    for object_ in objects:
        if object_.kind == "Fileset":
            (fileset,) = object_.names["fileset"]
            pairs = beside.get(fileset, ())
            keys[fileset].update(key for key, _ in pairs)
            said[object_.user, object_.group].add(object_, pairs, _lower(options.tags), False)


def _beside(path: str, name: str) -> Pairs:
    """What the table of this name in the folder of a fileset's path says; nothing without one."""
    if not name:
        return ()
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    table = folder / name
    return key_values(read_lines(table)) if table.is_file() else ()


def _lower(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)
