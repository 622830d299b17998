"""The end of a run on the terminal: what is in OMERO, and last what failed and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from ingest.fileset import Record
from ingest.summary import Outcome
from ingest.words import Failed, alike, some, told

LISTED = 20  # causes on the terminal; the report has the others


def verdict(outcomes: Iterable[Outcome], report: str) -> str:
    """The end of the run in words; `report` is the report's path."""
    failed = []
    counted: Counter[str] = Counter()
    for outcome in outcomes:
        counted[outcome.status] += 1
        if outcome.failed:
            failed.append(outcome)
    sentence = f"{summed_up(counted)} Report: {report}"
    if not failed:
        return sentence
    failures = _failures(
        failed,
        lambda each: f"{each.fileset.id} (row {each.fileset.row} of the manifest, {each.stage})",
        "imported.csv, next to the report, lists them all",
    )
    return "\n\n".join([sentence, f"{len(failed):,} failed:", *failures, _AFTER_REPAIR])


def _failures(
    failed: Sequence[Failed], name: Callable[[Failed], str], where_the_rest_is: str
) -> list[str]:
    """Up to `LISTED` causes, each with its filesets; control characters, which a file's name may
    bring along, are shown escaped."""
    groups = alike(failed)
    lines = [
        told(some([name(each) for each in group], "filesets"), group[0].cause, group[0].remedy)
        for group in groups[:LISTED]
    ]
    if more := sum(map(len, groups[LISTED:])):
        lines.append(f"  ... and {more:,} more: {where_the_rest_is}.")
    return lines


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
    failures = _failures(
        failed, lambda each: f"{each.fileset} ({each.stage})", "`snakemake status` counts them"
    )
    return "\n\n".join([*said, f"{len(failed):,} failed:", *failures, _AFTER_REPAIR])


_AFTER_REPAIR = "Fix the causes and run the same command again: it redoes only what failed."
