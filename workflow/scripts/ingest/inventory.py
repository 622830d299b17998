"""What OMERO holds of a run's filesets, asked of OMERO itself: results/inventory.txt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ingest.omero.queries import names_of
from ingest.omero.session import Session
from ingest.summary import Outcome
from ingest.words import printable

LISTED = 200  # filesets told one by one; imported.csv has them all
IMAGES_NAMED = 3  # of a fileset


def inventory(session: Session, outcomes: Iterable[Outcome]) -> str:
    """The filesets that are in OMERO, under their targets, with the names OMERO has for them."""
    imported = [outcome for outcome in outcomes if outcome.fileset_id]
    shown = imported[:LISTED]
    names = {
        "Plate": names_of(session, "Plate", [i for of in shown for i in of.plate_ids]),
        "Image": names_of(session, "Image", [i for of in shown for i in _named_images(of)]),
    }
    lines = [f"In OMERO at {session.server}:"]
    for place, filesets in _by_place(shown).items():
        lines.append(f"  {place}")
        lines += [f"    {_fileset(outcome, names)}" for outcome in filesets]
    if len(imported) > len(shown):
        lines.append(f"  ... and {len(imported) - len(shown):,} more: see imported.csv")
    # Names come out of files too, and this is shown on a terminal.
    return "\n".join(map(printable, lines)) + "\n"


def _by_place(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    places: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        target = outcome.facts.get("target")
        place = f"{outcome.target} {target['name']}" if target else "Orphaned images"
        places.setdefault(place, []).append(outcome)
    return places


def _fileset(outcome: Outcome, names: Mapping[str, Mapping[int, str]]) -> str:
    parts = [f"Plate:{number} {names['Plate'].get(number, '?')}" for number in outcome.plate_ids]
    parts += [
        f"Image:{number} {names['Image'].get(number, '?')}" for number in _named_images(outcome)
    ]
    unnamed = len(outcome.image_ids) - len(_named_images(outcome))
    if unnamed:
        parts.append(f"{unnamed} images" if outcome.plate_ids else f"{unnamed} more images")
    filesets = [f"Fileset:{number}" for number in outcome.fileset_ids]
    return f"{outcome.fileset.id}: {', '.join([*filesets, *parts])}"


def _named_images(outcome: Outcome) -> Sequence[int]:
    return [] if outcome.plate_ids else outcome.image_ids[:IMAGES_NAMED]
