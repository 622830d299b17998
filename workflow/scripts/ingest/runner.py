"""Runs one stage on one batch of filesets; the only module that knows Snakemake."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from ingest.atomic import write_text
from ingest.batch_lock import batch_lock
from ingest.config import Config, load
from ingest.context import Context
from ingest.failures import note_failure, note_words
from ingest.fast_json import canonical
from ingest.fileset import Fileset, Record, StageError, Unfinished
from ingest.journal import JOURNAL, Journal, last_done
from ingest.progress import progress_path
from ingest.records import read_filesets, read_records, write_records
from ingest.stages import Stage
from ingest.words import printable

LOCKS = ".locks"
_LONGEST_MESSAGE = 300  # characters of an error that nobody foresaw


@dataclass(frozen=True, slots=True)
class StageJob:
    """What a stage's rule gives its job: the batch, its plan, the previous stage's records (None
    for the first stage), the files for its own records and log, and the number of threads."""

    batch: str
    plan: Path
    upstream: Path | None
    output: Path
    log: Path
    threads: int


def run_stage(stage: Stage, asked: StageJob, config: Config) -> None:
    """A stage's whole job: takes the batch's lock and writes the batch's records."""
    with _job(config, asked.log, asked.threads) as context:
        lock = batch_lock(
            context.results / LOCKS / asked.batch,
            stage.name,
            context.log,
            on_lost=lambda: os._exit(1),
        )
        with lock:
            run_batch(stage, asked.plan, asked.upstream, asked.output, context, asked.batch)


@contextmanager
def job(snakemake: Any) -> Iterator[Context]:
    """`_job` for the script of a rule that is not a stage."""
    with _job(load(snakemake.config), Path(snakemake.log[0]), snakemake.threads) as context:
        yield context


@contextmanager
def _job(config: Config, log_file: Path, threads: int) -> Iterator[Context]:
    """What any rule works with: configuration, log file, and OMERO on demand.

    A StageError that does not concern a single fileset, such as an unreachable server, ends the job
    with its cause and remedy.
    """
    with _surroundings(config, log_file, threads) as context:
        try:
            yield context
        except StageError as error:
            note_words(context.results, words := _words_of(error, context))
            sys.exit(words)


@contextmanager
def tool(snakemake: Any, *tables: str) -> Iterator[Context]:
    """`job` for a target that people run by name: its output is <results>/<tool>.txt.

    The tool writes that file, and raises SystemExit(1) if something must be done. `tables` are
    the suffixes of its other files: if it cannot do its work, earlier ones are removed, so that
    they are not taken for this run's.
    """
    config, log_file = load(snakemake.config), Path(snakemake.log[0])
    with _surroundings(config, log_file, snakemake.threads) as context:
        said = context.results / f"{snakemake.rule}.txt"
        try:
            yield context
        except Exception as error:
            for suffix in tables:
                said.with_suffix(suffix).unlink(missing_ok=True)
            if not isinstance(error, StageError):
                raise
            words = _words_of(error, context)
            write_text(said, words + "\n")
            sys.exit(words)


@contextmanager
def _surroundings(config: Config, log_file: Path, threads: int) -> Iterator[Context]:
    results = Path(config.results)
    with _log_file(log_file) as log, _ending_at_once(log):
        context = Context(config, results, Journal(results / JOURNAL), threads, log)
        try:
            yield context
        finally:
            context.close()


def _words_of(error: StageError, context: Context) -> str:
    context.log.error("%s. %s", error.cause, error.remedy)
    words = f"  cause:  {error.cause}\n  remedy: {error.remedy}"
    return "\n".join(map(printable, words.split("\n")))


def run_batch(
    stage: Stage, plan: Path, upstream: Path | None, output: Path, context: Context, batch: str
) -> None:
    """Runs `stage` for every fileset of `plan` and writes their records, in its order, to `output`.

    `upstream` holds the records of the stage before. One fileset's failure is a record; whatever
    stops the process leaves no output.
    """
    # OMERO's thousands of classes stay: garbage collection need not search them again and again.
    gc.freeze()
    filesets = read_filesets(plan)
    before = read_records(upstream) if upstream else {}
    missing = [fileset.id for fileset in filesets if fileset.id not in before]
    if upstream and missing:
        raise StageError(
            f"{upstream} has no record of {missing[0]}",
            "Remove it, and run the same command again to rebuild it.",
        )

    def run(fileset: Fileset) -> Record:
        earlier = before[fileset.id] if upstream else Record(fileset.id, "plan", "notneeded")
        record = _run_fileset(stage, fileset, earlier, context)
        context.progress.fileset_done(record.status in ("error", "unfinished"))
        return record

    workers = min(stage.parallel(context), len(filesets)) or 1
    size = sum(file.size for record in before.values() for file in record.files)
    with context.progress.noted(progress_path(context.results, stage.name, batch), size):
        executor = ThreadPoolExecutor(workers, thread_name_prefix=stage.name)
        try:
            records = list(executor.map(run, filesets))
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
        if any(record.status in ("error", "unfinished") for record in records):
            note_failure(context.results, stage.name, batch)
        write_records(output, records)


def input_key(stage: Stage, fileset: Fileset, upstream: Record, context: Context) -> str:
    """A digest of all that a stage's outcome depends on, apart from the state of the world."""
    inputs = {
        "fileset": {name: getattr(fileset, name) for name in stage.uses},
        "status": upstream.status,
        "files": [file.to_json() for file in upstream.files],
        "facts": dict(upstream.facts),
        "settings": dict(stage.settings(context.config)),
    }
    return hashlib.sha256(canonical(inputs)).hexdigest()


def _run_fileset(stage: Stage, fileset: Fileset, upstream: Record, context: Context) -> Record:
    started, clock = datetime.now(UTC).isoformat(), time.monotonic()
    record, is_new = _outcome(stage, fileset, upstream, context)
    if is_new:
        record = replace(
            record,
            started=started,
            seconds=round(time.monotonic() - clock, 3),
            host=socket.gethostname(),
        )
        if record.succeeded:
            key = input_key(stage, fileset, upstream, context)
            context.journal.append(fileset.id, stage.name, "done", key=key, record=record)
        elif record.status == "error":
            context.journal.append(
                fileset.id, stage.name, "failed", cause=record.cause, remedy=record.remedy
            )
    _log_outcome(record, is_new, context.log)
    return record


def _outcome(
    stage: Stage, fileset: Fileset, upstream: Record, context: Context
) -> tuple[Record, bool]:
    """The fileset's record, and whether it is of this run (not an earlier one's used again)."""
    if fileset.problem:
        return _failed("impossible", stage, fileset, fileset.problem.cause, fileset.problem.remedy)
    if upstream.status == "impossible":
        return _failed("impossible", stage, fileset, upstream.cause, upstream.remedy)
    if upstream.status == "error":
        cause = f"not done: {upstream.stage} failed: {upstream.cause}"
        return _failed("impossible", stage, fileset, cause, upstream.remedy)
    if upstream.status == "unfinished":
        return _failed(
            "impossible", stage, fileset, f"not done yet: {upstream.cause}", upstream.remedy
        )
    try:
        earlier = _earlier_record(stage, fileset, upstream, context)
        if earlier is not None:
            return earlier, False
        return stage.run(fileset, upstream, context), True
    except Unfinished as error:
        return _failed("unfinished", stage, fileset, error.cause, error.remedy)
    except StageError as error:
        return _failed("error", stage, fileset, error.cause, error.remedy)
    except Exception as error:
        context.log.exception("%s: unexpected error in %s", fileset.id, stage.name)
        return _failed(
            "error",
            stage,
            fileset,
            f"unexpected {type(error).__name__}: {_short(str(error))}",
            f"The traceback is in the log of {stage.name} for this batch. "
            "Run the same command again; if it happens again, report it with that traceback.",
        )


def _short(message: str) -> str:
    """A message in one line: Ice's may hold another machine's traceback."""
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}..."


def _failed(
    status: Any, stage: Stage, fileset: Fileset, cause: str, remedy: str
) -> tuple[Record, bool]:
    return Record(fileset.id, stage.name, status, cause, remedy), True


def _earlier_record(
    stage: Stage, fileset: Fileset, upstream: Record, context: Context
) -> Record | None:
    """The last run's record, when its inputs were the same and the world is as it left it."""
    # Only the last one: what an earlier one left may have been replaced since.
    done = last_done(context.journal.events(fileset.id), stage.name)
    if done is None or done["key"] != input_key(stage, fileset, upstream, context):
        return None
    try:
        earlier = Record.from_json(done["record"])
    except (KeyError, TypeError):
        return None  # written by a version whose records looked different
    return earlier if stage.still_holds(fileset, earlier, context) else None


def _log_outcome(record: Record, is_new: bool, log: logging.Logger) -> None:
    level = logging.ERROR if record.status == "error" else logging.INFO
    remark = record.cause if is_new else "as before, nothing to do"
    log.log(level, "%s\t%s\t%.3f s\t%s", record.fileset, record.status, record.seconds, remark)


@contextmanager
def _log_file(path: Path) -> Iterator[logging.Logger]:
    """A logger that writes to the job's log file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    formatter = logging.Formatter("%(asctime)s\t%(levelname)s\t%(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log = logging.getLogger("ingest")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


@contextmanager
def _ending_at_once(log: logging.Logger) -> Iterator[None]:
    """SIGTERM and SIGINT end the process without waiting for its threads.

    An import or a copy may take hours; that a process can be killed at any moment is what the
    journal is for.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        log.error("ended by %s", signal.Signals(number).name)
        sys.stderr.flush()
        os._exit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
