"""The end of a run on the terminal: what is in OMERO, and last what failed and what to do."""

from __future__ import annotations

from collections.abc import Iterable

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
    lines = [f"{sentence} Report: {report}", "", f"{len(failed)} failed:"]
    for outcome in failed[:LISTED]:
        lines += [
            "",
            f"  {outcome.fileset.id} (row {outcome.fileset.row} of the manifest, {outcome.stage})",
            f"    cause:  {_printable(outcome.cause)}",
            f"    remedy: {_printable(outcome.remedy)}",
        ]
    if len(failed) > LISTED:
        more = len(failed) - LISTED
        lines += ["", f"  ... and {more} more: imported.csv, next to the report, has them all."]
    lines += ["", "After the repair, the same command tries again what failed, and only that."]
    return "\n".join(lines)


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )
