"""The audit: OMERO's word, the journal's and the disks', compared. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.audit import omero_word
from ingest.audit.expected import Expected, expect_row, expect_stranger, fileset_of
from ingest.audit.findings import Finding, merged
from ingest.audit.looking import look_at_all
from ingest.audit.omero_word import FILESETS_AT_ONCE, Word
from ingest.audit.report import Audited, write_report
from ingest.audit.strays import strays
from ingest.chunks import in_chunks
from ingest.context import Context
from ingest.fileset import StageError
from ingest.import_transfers import way
from ingest.imported import ImportedRow, imported_row, imported_rows
from ingest.omero.repository import ManagedRepository, open_repository
from ingest.omero.session import Session
from ingest.records import read_records


def audit(context: Context) -> None:
    """Audits this results folder's filesets, or a group's (option `audit.group`).

    Writes <results>/audit.txt, .json and .csv. Raises SystemExit(1) when something was found.
    """
    options = context.config.audit
    audited = Audited(
        f"group {options.group}" if options.group else str(context.results), options.mode
    )
    rows = list(imported_rows(context.journal))
    expected = Expected()
    with context.sessions.using() as session:
        repository = _repository(session, rows, context)
        if repository is None:
            audited.notes.append(
                "OMERO's managed repository is empty, or not mounted here: not looked at."
            )
        _expect(expected, rows, session, repository, audited, context)
        if options.strays and repository is not None:
            expected.findings += _strays(session, repository, expected)
    audited.filesets = expected.filesets
    files = expected.all_files()
    findings = merged([*expected.findings, *look_at_all(files, audited, context)])
    findings = _confirmed(findings, rows, audited, context)
    write_report(context.results, audited, findings)
    context.log.info("%d findings", len(findings))
    if findings:
        raise SystemExit(1)


def _repository(
    session: Session, rows: Sequence[ImportedRow], context: Context
) -> ManagedRepository | None:
    """The managed repository as this machine has it; None where nothing we know needs it here."""
    repository = open_repository(session, context.config.omero.managed_repository)
    try:
        if any(repository.mount.iterdir()):
            return repository
    except OSError:
        pass  # as good as empty
    begun = [event for row in rows for event in row.begun.values()]
    if context.config.audit.group or any(way(event["transfer"]) != "upload" for event in begun):
        raise StageError(
            f"OMERO's managed repository is not at {repository.mount} on this machine, or empty",
            "Run the audit on a machine that mounts it; set omero.managed_repository if it is "
            "mounted at another path than the server's. If its files are gone, put them back from "
            "a backup.",
        )
    return None


def _expect(
    expected: Expected,
    rows: Sequence[ImportedRow],
    session: Session,
    repository: ManagedRepository | None,
    audited: Audited,
    context: Context,
) -> None:
    """Gathers what should be there, and what OMERO itself says wrong."""
    group = context.config.audit.group
    if group is None:
        lost = list(_without_journal(context, {row.id for row in rows}))
        if not rows and not lost:
            audited.notes.append("Nothing was imported with this results folder yet.")
        expected.findings += lost
    elsewhere: list[str] = []
    known: set[int] = set()
    for some in in_chunks(rows, FILESETS_AT_ONCE):
        word = _word(session, some, context)
        for row in some:
            events = row.begun.values()
            known.update(word.marks[mark] for mark in row.open if mark in word.marks)
            known.update(facts.get("fileset_id", 0) for facts in row.imports)
            if group and not any(event["group"] == group for event in events):
                continue
            if row.in_flight:
                audited.in_flight.append(row.id)
            elif events and all(event["database"] != session.database for event in events):
                elsewhere.append(row.id)
            elif row.imports:
                expected.findings += _lost(row, word)
                expect_row(expected, row, word, repository)
    if elsewhere:
        audited.notes.append(
            f"{len(elsewhere)} rows were imported into another OMERO than {session.server}, and "
            "were not looked at."
        )
    if group is not None:
        _expect_group(expected, group, known, session, repository, audited)


def _word(session: Session, rows: Sequence[ImportedRow], context: Context) -> Word:
    """OMERO's word on rows. What this session cannot see is asked for as the user who imported."""
    word = _ask(session, rows)
    unseen: dict[tuple[str, str], list[ImportedRow]] = {}
    if not omero_word.sees_all(session):
        for row in rows:
            if any(fileset_of(facts) not in word.existing for facts in row.imports):
                for event in row.begun.values():
                    if event["database"] == session.database:
                        unseen.setdefault((event["user"], event["group"]), []).append(row)
    for (user, group), theirs in unseen.items():
        with context.sessions.using(user, group) as owner:
            found = _ask(owner, theirs)
        context.sessions.release(user, group)
        word.existing.update(found.existing)
        word.marks.update(found.marks)
        word.entries.update(found.entries)
        word.elsewhere.update(found.elsewhere)
    return word


def _ask(session: Session, rows: Sequence[ImportedRow]) -> Word:
    ids = [fileset_of(facts) for row in rows for facts in row.imports]
    marks = [facts["import_id"] for row in rows for facts in row.imports if "import_id" in facts]
    marks += [mark for row in rows for mark in row.open]
    return omero_word.word_on(session, ids, marks)


def _lost(row: ImportedRow, word: Word) -> Iterator[Finding]:
    for facts in row.imports:
        fileset, mark = fileset_of(facts), facts.get("import_id")
        if fileset not in word.existing:
            yield Finding(
                "lost by OMERO", (row.id,), "", f"Fileset:{fileset} is not in OMERO any more"
            )
        elif mark and word.marks.get(mark) != fileset:
            yield Finding(
                "known otherwise by OMERO",
                (row.id,),
                "",
                f"Fileset:{fileset} does not carry the id of its import any more, by which later "
                "runs find it",
            )


def _without_journal(context: Context, known: set[str]) -> Iterator[Finding]:
    """Filesets that are imported by their record, and that the journal does not know."""
    for path in sorted((context.results / "import").glob("*.jsonl")):
        for record in read_records(path).values():
            if record.succeeded and record.fileset not in known:
                journal = str(context.journal.path(record.fileset))
                said = f"{journal} does not mention the import that {path} has a record of"
                yield Finding("journal lost", (record.fileset,), journal, said)


def _expect_group(
    expected: Expected,
    group: str,
    known: set[int],
    session: Session,
    repository: ManagedRepository | None,
    audited: Audited,
) -> None:
    """The filesets of a group that this journal does not know, by OMERO's word alone."""
    for some in omero_word.filesets_of_group(session, group):
        strangers = [fileset for fileset in some if fileset not in known]
        if not strangers:
            continue
        empty = omero_word.without_images(session, strangers)
        ended = omero_word.never_finished(session, sorted(empty)) if empty else set()
        word = omero_word.word_on(session, strangers, [])
        for fileset in strangers:
            label = f"Fileset:{fileset}"
            if fileset in ended:
                what = f"{label} has no images, and the session that began it has ended"
                expected.findings.append(Finding("never finished", (label,), "", what))
            elif fileset in empty:
                audited.in_flight.append(label)
            else:
                expect_stranger(expected, label, word.entries.get(fileset, []), word, repository)


def _strays(
    session: Session, repository: ManagedRepository, expected: Expected
) -> Iterator[Finding]:
    everything = omero_word.sees_all(session)
    only = None if everything else expected.folders
    for path in strays(repository.mount, lambda some: omero_word.names_below(session, some), only):
        is_folder = Path(path).is_dir() and not Path(path).is_symlink()
        what = "folder" if is_folder else "link" if Path(path).is_symlink() else "file"
        yield Finding("unknown to OMERO", (), path, f"OMERO does not know the {what} {path}")


def _confirmed(
    findings: list[Finding], rows: Sequence[ImportedRow], audited: Audited, context: Context
) -> list[Finding]:
    """Those findings that are of no fileset which a run, or somebody, worked on meanwhile."""
    by_id = {row.id: row for row in rows}
    concerned = {name for finding in findings for name in finding.filesets}
    changed = set()
    for name in concerned & by_id.keys():
        before = by_id[name]
        now = imported_row(context.journal, name, before.journals)
        if now.events != before.events:
            changed.add(name)
    strangers = [name for name in concerned if name.startswith("Fileset:")]
    with context.sessions.using() as session:
        for some in in_chunks(strangers, FILESETS_AT_ONCE):
            ids = [int(name.partition(":")[2]) for name in some]
            changed |= set(some) - {
                f"Fileset:{fileset}" for fileset in omero_word.existing(session, ids)
            }
    audited.in_flight += sorted(changed)
    return [each for each in findings if not each.filesets or not changed >= set(each.filesets)]
