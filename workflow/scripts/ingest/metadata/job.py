"""The metadata job: reads the tables, finds what they are about, and puts it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ingest.context import Context
from ingest.fileset import StageError
from ingest.metadata.attaching import Said, attach
from ingest.metadata.beside import Pairs, read_beside, table_beside
from ingest.metadata.columns import read_tables
from ingest.metadata.matching import Described, match
from ingest.metadata.objects import described_objects
from ingest.metadata.omero_tables import put_tables, remove_others
from ingest.metadata.options import Metadata
from ingest.metadata.put_before import note_accounts
from ingest.metadata.rembi import missing_fields
from ingest.metadata.report import Outcome, write_report
from ingest.omero.errors import Passing
from ingest.plan import load_index
from ingest.summary import collect


def put_metadata(context: Context) -> None:
    """Writes metadata.csv and metadata.txt into the results.

    A row that is about nothing, or about two things, is in them and nowhere else. Raises StageError
    when a table cannot be read; then nothing is put anywhere.
    """
    options = context.config.metadata
    tables = read_tables(options.tables)
    outcomes = collect(context.results, load_index(context.results).batches)
    objects = described_objects(outcomes, context)
    places = {each.fileset.id: table_beside(each.fileset.path, options.beside) for each in outcomes}
    read = {table: read_beside(table) for table in set(places.values()) if options.beside}
    beside = {
        fileset: read[table][0]
        for fileset, table in places.items()
        if table in read and read[table][0]
    }
    problems = sorted(problem for _, problem in read.values() if problem)
    found = Outcome(beside=len(beside), filesets=len(outcomes), problems=problems)
    said: dict[tuple[str, str], Said] = defaultdict(Said)
    for object_ in objects:
        said[object_.user, object_.group].know(object_)
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
    put = note_accounts(context.results, said if tables or beside else ())
    kept: set[int] = set()
    for (user, group), theirs in said.items():
        with context.sessions.using(user, group) as session:
            attach(session, theirs, namespace, options.key_values, context.results)
            for table in tables if options.table else ():
                of_table = found.matches[table.path]
                kept.update(put_tables(session, table, of_table, (user, group), put.id))
    for user, group in sorted(put.accounts):
        try:
            with context.sessions.using(user, group) as session:
                remove_others(session, put.id, kept)
        except Passing:
            raise
        except StageError as error:
            found.problems.append(
                f"OMERO.tables that {user} has in {group} may stay though no table says them any "
                f"more: {error.cause}"
            )
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


def _lower(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)
