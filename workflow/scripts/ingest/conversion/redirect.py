"""Leads the repository's links from fast scratch, where a fileset was imported, to the store.

In this order, so that it may be killed anywhere and done again: the whole conversion is copied to
the store, verified; each link in OMERO's managed repository is replaced by one to there, a new link
renamed over the old one; the bytes behind the new links are read and compared; only then the copy
in scratch is removed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.context import Context
from ingest.conversion import place
from ingest.copying import VERIFICATION, copy_verified
from ingest.fileset import Fileset, Record, SourceFile, StageError
from ingest.links import lead
from ingest.source_files import found_at


def redirected(fileset: Fileset, record: Record, context: Context) -> Record:
    """The record of an import, with its files where they are for good.

    Nothing is done where the conversion lies in the store already. Raises StageError when a link is
    not ours, or when bytes are not what they were; the copy in scratch stays then.
    """
    facts = record.facts["conversion"]
    staged, home = Path(facts["folder"]), place.store(context.config) / fileset.id
    if staged == home:
        return record
    _copy(fileset, staged, home, facts, context)
    files = tuple(
        found_at(home / Path(file.path).relative_to(staged), file) for file in record.files
    )
    digests = {f"{place.CONVERTED}/{each['name']}": each["digest"] for each in facts["outputs"]}
    for file, moved in zip(record.files, files, strict=True):
        link = record.facts.get("repository_files", {}).get(file.name)
        if fileset.import_transfer == "ln_s" and link:
            lead(Path(link), file.path, moved.path)
            _verify(Path(link), digests[file.name])
    removes = [str(path) for path in sorted(staged.rglob("*")) if path.is_file()]
    if removes:
        context.journal.append(fileset.id, "import", "intent", removes=removes)
        place.remove(staged)
    return replace(
        record,
        files=files,
        facts={**record.facts, "conversion": {**facts, "folder": str(home)}},
    )


def importable(
    files: tuple[SourceFile, ...], facts: Mapping[str, Any], context: Context
) -> tuple[SourceFile, ...]:
    """The files of a conversion where they can be imported from: in the store, when an earlier
    import's links were led there and scratch was emptied, and OMERO has that import no more."""
    staged = Path(facts["folder"])
    home = place.store(context.config) / staged.name
    if staged == home or any(os.path.lexists(file.path) for file in files):
        return files
    there = place.published(home)
    if not there or there["key"] != facts["key"] or not place.is_intact(home, there["outputs"]):
        return files
    return tuple(found_at(home / Path(file.path).relative_to(staged), file) for file in files)


def _copy(
    fileset: Fileset, staged: Path, home: Path, facts: Mapping[str, Any], context: Context
) -> None:
    aside = home.parent / place.SCRATCH
    for left in place.left_behind(aside, context.results, fileset.id):
        place.clear(left)
    there = place.published(home)
    if there and there["key"] == facts["key"] and place.is_intact(home, there["outputs"]):
        return
    if os.path.lexists(home):
        raise StageError(
            f"{home} exists already, and is not this conversion",
            "Nothing in the store is overwritten. Find out what it is; move it away, and run the "
            "same command again: the import goes on from there.",
        )
    made = place.attempt(aside, context.results, fileset.id)
    try:
        for path in sorted(staged.rglob("*")):
            if path.is_file() and path.name != place.RECORD:
                copy_verified(place.digested(path), made / "ready" / path.relative_to(staged))
        published = place.published(staged)
        if published is None or not place.is_intact(made / "ready", published["outputs"]):
            raise StageError(
                f"what lies in {staged} is not what was converted",
                "Find out what changed it. The import in OMERO links to these files.",
            )
        place.publish(made / "ready", home, published)
    finally:
        place.clear(made)


def _verify(link: Path, digest: str) -> None:
    found = place.digested(link).digests[VERIFICATION]
    if found != digest:
        raise StageError(
            f"{link} in OMERO's repository leads to other bytes than were imported: they have "
            f"{VERIFICATION} {found}, not {digest}",
            "The copy in scratch was kept. Check the store's disk, and run the same command again.",
        )
