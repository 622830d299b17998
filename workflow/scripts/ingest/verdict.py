"""The end of a run on the terminal: what is in OMERO, and last what failed and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingest.fileset import Record
from ingest.summary import Outcome

LISTED = 20  # failures told on the terminal; the report has the others


def verdict(outcomes: Iterable[Outcome], report: str) -> str:
    """The end of the run in words; `report` is where the report lies.

    At most `LISTED` failures are told one by one. Control characters, which a file's name may
    bring along, are shown escaped.
    """
    total, failed = 0, []
    for outcome in outcomes:
        total += 1
        if not outcome.ok:
            failed.append(outcome)
    noun = "fileset is" if total == 1 else "filesets are"
    sentence = f"{total - len(failed)} of {total} {noun} in OMERO, verified and annotated."
    if not failed:
        return f"{sentence} Report: {report}"
    told = [
        _told(
            f"{outcome.fileset.id} (row {outcome.fileset.row} of the manifest, {outcome.stage})",
            outcome.cause,
            outcome.remedy,
        )
        for outcome in failed[:LISTED]
    ]
    if len(failed) > LISTED:
        more = len(failed) - LISTED
        told.append(f"  ... and {more} more: imported.csv, next to the report, has them all.")
    return "\n\n".join(
        [f"{sentence} Report: {report}", f"{len(failed)} failed:", *told, _AFTER_REPAIR]
    )


def verdict_of_records(failed: Sequence[Record]) -> str:
    """The end, in words, of a run that was asked for less than the summary; empty when all went
    well."""
    if not failed:
        return ""
    told = [
        _told(f"{record.fileset} ({record.stage})", record.cause, record.remedy)
        for record in failed[:LISTED]
    ]
    return "\n\n".join([f"{len(failed)} failed:", *told, _AFTER_REPAIR])


_AFTER_REPAIR = "After the repair, the same command tries again what failed, and only that."


def _told(what: str, cause: str, remedy: str) -> str:
    return f"  {what}\n    cause:  {_printable(cause)}\n    remedy: {_printable(remedy)}"


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )
