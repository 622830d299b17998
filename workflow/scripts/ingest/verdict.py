"""The end of a run on the terminal: what is in OMERO, and last what failed and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ingest.fileset import Record
from ingest.summary import Outcome
from ingest.words import told

LISTED = 20  # failures told on the terminal; the report has the others


def verdict(outcomes: Iterable[Outcome], report: str) -> str:
    """The end of the run in words; `report` is where the report lies.

    At most `LISTED` failures are told one by one. Control characters, which a file's name may
    bring along, are shown escaped.
    """
    failed = []
    counted: Counter[str] = Counter()
    for outcome in outcomes:
        counted[outcome.status] += 1
        if outcome.failed:
            failed.append(outcome)
    sentence = f"{summed_up(counted)} Report: {report}"
    if not failed:
        return sentence
    failures = [
        told(
            f"{outcome.fileset.id} (row {outcome.fileset.row} of the manifest, {outcome.stage})",
            outcome.cause,
            outcome.remedy,
        )
        for outcome in failed[:LISTED]
    ]
    if len(failed) > LISTED:
        more = len(failed) - LISTED
        failures.append(f"  ... and {more} more: imported.csv, next to the report, has them all.")
    return "\n\n".join([sentence, f"{len(failed)} failed:", *failures, _AFTER_REPAIR])


def summed_up(counted: Mapping[str, int]) -> str:
    """How many filesets came how far, in a sentence or three; `counted` is by status."""
    total = sum(counted.values())
    sentences = [
        f"{counted['ok']} of {total} {'fileset is' if total == 1 else 'filesets are'} in OMERO, "
        "verified and annotated."
    ]
    found, unfinished = counted["notneeded"], counted["unfinished"]
    if found:
        verb = "was" if found == 1 else "were"
        sentences.append(f"{found} {verb} there already and not imported again.")
    if unfinished:
        sentences.append(_unfinished(unfinished))
    return " ".join(sentences)


def _unfinished(number: int) -> str:
    noun = "fileset is" if number == 1 else "filesets are"
    return f"{number} {noun} still being imported by OMERO: run the same command again."


def verdict_of_records(left: Sequence[Record]) -> str:
    """The end, in words, of a run that was asked for less than the summary; empty when all went
    well. `left` are the records of what failed or is unfinished."""
    failed = [record for record in left if record.status != "unfinished"]
    unfinished = len(left) - len(failed)
    said = [_unfinished(unfinished)] if unfinished else []
    if not failed:
        return "".join(said)
    failures = [
        told(f"{record.fileset} ({record.stage})", record.cause, record.remedy)
        for record in failed[:LISTED]
    ]
    return "\n\n".join([*said, f"{len(failed)} failed:", *failures, _AFTER_REPAIR])


_AFTER_REPAIR = "After the repair, the same command tries again what failed, and only that."
