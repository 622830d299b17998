"""Which tags the metadata jobs of a results folder have put on anything.

A rollback tells by them what people put there. Like the journal they outlive the runs.
"""

from __future__ import annotations

from pathlib import Path

from ingest.atomic import write_text

_NAME = "metadata-tags.txt"


def note_tag(results: Path, tag_id: int) -> None:
    noted = noted_tags(results)
    if tag_id not in noted:
        write_text(results / _NAME, "".join(f"{each}\n" for each in sorted({*noted, tag_id})))


def noted_tags(results: Path) -> frozenset[int]:
    """Their ids in OMERO."""
    path = results / _NAME
    return frozenset(map(int, path.read_text().split())) if path.exists() else frozenset()
