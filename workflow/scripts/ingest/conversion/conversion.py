"""Converts one fileset: runs its converter aside, checks what came of it, puts it in its place."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingest.context import Context
from ingest.conversion import (
    biomero,
    images,
    originals,
    outputs,
    place,
    process,
    runtimes,
    template,
)
from ingest.conversion.choice import choose
from ingest.conversion.images import Image
from ingest.conversion.options import Converter, Request, parse_request
from ingest.conversion.outputs import Part
from ingest.conversion.runtimes import Job, Runtime
from ingest.copying import VERIFICATION, copy_verified, write_error
from ingest.fileset import BadText, Fileset, Record, SourceFile, StageError
from ingest.source_files import check_as_recorded, for_each_file, source_file
from ingest.superseded import nothing_in_omero, set_aside

WORDS = 2_000  # characters of a converter's last words in a record or an error
ANSWER = 16_000_000  # bytes at the end of its output in which its JSON is looked for


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a conversion depends on; `key` is a digest of what decides its outcome."""

    request: Request
    runtime: Runtime
    image: Image
    originals: tuple[SourceFile, ...]
    opened: str
    key: str


def requested(fileset: Fileset, context: Context) -> Request:
    """The converter and parameters that a row asks for; StageError when there is no such one."""
    try:
        return parse_request(fileset.convert, context.config.converters)
    except BadText as error:
        raise StageError(error.problem.cause, error.problem.remedy) from None


def deciding(request: Request) -> dict[str, Any]:
    """What decides the outputs, of the configuration and the row."""
    return {"converter": request.converter.deciding(), "parameters": dict(request.parameters)}


def convert(fileset: Fileset, sources: tuple[SourceFile, ...], context: Context) -> Record:
    """Makes of `sources`, which are digested, what the row's converter makes of them.

    A conversion of the same files by the same converter and image that a killed run finished is
    taken as it is. Raises StageError; nothing is left then that could be taken for a result.
    """
    plan = _plan(fileset, sources, context)
    home = _home(fileset, context)
    _end_killed(fileset, plan.runtime, context)
    facts = place.published(home)
    if facts is None or facts["key"] != plan.key or not place.is_intact(home, facts["outputs"]):
        _check_free(fileset, home, facts, context)
        facts = _converted(fileset, plan, home, context)
    return _record(fileset, home, facts, sources)


def _plan(fileset: Fileset, sources: tuple[SourceFile, ...], context: Context) -> Plan:
    request = requested(fileset, context)
    runtime, image = choose(request.converter, context.results)
    if image.before:
        context.log.warning(
            "%s: the image %s has changed since it was last used: it was %s, it is %s",
            fileset.id, image.name, image.before, image.digest,
        )  # fmt: skip
    decided = {
        **deciding(request),
        "image": image.digest,
        "originals": originals.digests(sources),
    }
    text = json.dumps(decided, sort_keys=True)
    opened = originals.opened_first(fileset, sources)
    key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return Plan(request, runtime, image, sources, opened, key)


def still_the_same(fileset: Fileset, facts: Mapping[str, Any], context: Context) -> bool:
    """Whether the converter would be run as it was for `facts`.

    An image that has changed since, or is gone, does not undo what is imported already: that is
    told only.
    """
    request = requested(fileset, context)
    if facts["decided_by"] != deciding(request) or facts["folder"] != str(_home(fileset, context)):
        return False
    runtime = facts["runtime"]["name"]
    if runtime == "host":
        return True
    try:
        image = images.pinned(runtime, request.converter.image, context.results)
    except StageError as error:
        now = f"cannot be had now: {error.cause}"
    else:
        if image.digest == facts["image_digest"]:
            return True
        now = f"is {image.digest} now"
    context.log.warning(
        "%s: it was converted by %s, and the image %s %s",
        fileset.id, facts["image_digest"], request.converter.image, now,
    )  # fmt: skip
    return in_omero(fileset, context)


def _home(fileset: Fileset, context: Context) -> Path:
    return place.home(context.config, context.results, fileset.id)


def in_omero(fileset: Fileset, context: Context) -> bool:
    """Whether an import of what was converted was begun, and is not known to be removed again."""
    return not nothing_in_omero(context.journal.events(fileset.id))


def _end_killed(fileset: Fileset, runtime: Runtime, context: Context) -> None:
    """Removes what killed attempts left in scratch, and what of them may still be running."""
    for above in {place.scratch(context.config), place.beside(context.config)}:
        for left in place.left_behind(above, context.results, fileset.id):
            process.end(runtimes.ending(runtime, _job_name(left)))
            place.clear(left)


def _check_free(
    fileset: Fileset, home: Path, facts: Mapping[str, Any] | None, context: Context
) -> None:
    """Makes room for a conversion; raises StageError when OMERO uses what is there, or another."""
    if in_omero(fileset, context):
        raise StageError(
            "the row was imported already, from other originals, by another converter or image, or "
            f"from what is not in {home} any more: nothing was converted",
            "Change the row and its converter back (or put back what was in the store), or give "
            "the row another fileset id to import it a second time.",
        )
    if not os.path.lexists(home):
        return
    if facts is None:
        raise StageError(
            f"{home} exists already, and is not a conversion of ours",
            "Nothing in the store is overwritten. Find out what it is; move it away, or give the "
            "row another fileset id, and run the same command again.",
        )
    context.log.info("%s: the earlier conversion in %s is set aside", fileset.id, home)
    set_aside(home, home.parent, fileset)


def _converted(fileset: Fileset, plan: Plan, home: Path, context: Context) -> dict[str, Any]:
    aside = place.attempt(place.scratch(context.config), context.results, fileset.id)
    ready = place.attempt(place.beside(context.config), context.results, fileset.id) / "ready"
    try:
        ran = _run(fileset, plan, aside, context)
        images.check_unchanged(plan.runtime.name, plan.image, context.results)
        parts = _parts(plan, aside, context)
        for source in plan.originals:
            check_as_recorded(source, "checksum")
        facts = {**ran, **_kept(plan, parts, aside, ready, context)}
        place.publish(ready, home, facts)
    finally:
        for folder in (aside, ready.parent):
            place.clear(folder)
    return facts


def _run(fileset: Fileset, plan: Plan, aside: Path, context: Context) -> dict[str, Any]:
    """Runs the converter; raises StageError unless it ended well. What it said goes to the log."""
    converter = plan.request.converter
    out, err = aside / "stdout", aside / "stderr"
    try:
        job = _job(plan, aside)
        for file in (out, err):
            file.touch()
    except OSError as error:
        raise write_error(aside, error) from None
    command = runtimes.command(plan.runtime, job)
    context.log.info("%s: %s", fileset.id, json.dumps(command))
    watched = converter.memory_mb if plan.runtime.memory == "watched" else None
    try:
        ended = process.run(
            command,
            runtimes.environment(plan.runtime, job),
            aside / "tmp",
            out,
            err,
            converter.time_limit_minutes * 60,
            watched * 2**20 if watched else None,
            job.name,
            runtimes.ending(plan.runtime, job.name),
        )
    except OSError as error:
        raise StageError(
            f"the converter {plan.request.name} cannot be started: {command[0]}: {error.strerror}",
            "Install it on the node, or correct the converter's command.",
        ) from None
    was_killed_for_memory = ended.limit == "memory" or (
        not ended.limit and runtimes.out_of_memory(plan.runtime, job, ended.status)
    )
    words = process.last_words([out, err], WORDS)
    context.log.info("%s: the converter's last words:\n%s", fileset.id, words)
    if ended.status and not ended.limit:
        _check_room(aside)
    _check_ended(plan.request, ended, was_killed_for_memory, words)
    return {
        "key": plan.key,
        "fileset": fileset.id,
        "converter": plan.request.name,
        "decided_by": deciding(plan.request),
        "runtime": runtimes.described(plan.runtime, job),
        "image": plan.image.name,
        "image_digest": plan.image.digest,
        "image_digest_before": plan.image.before,
        "command": command,
        "status": ended.status,
        "seconds": ended.seconds,
        "last_words": words,
        "originals": originals.to_json(plan.originals),
    }


def _job(plan: Plan, aside: Path) -> Job:
    """What is run, with paths as the converter sees them: in its container, or on the host."""
    converter, request = plan.request.converter, plan.request
    for name in ("output", "alternative", "tmp"):
        (aside / name).mkdir()
    threads = {name: str(converter.cpus) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment = {**threads, **converter.environment}
    variables = aside / "variables"
    variables.touch(0o600)
    variables.write_text("".join(f"{key}={value}\n" for key, value in environment.items()))
    on_host = plan.runtime.name == "host"
    mounts: list[originals.Mount] = []
    output, alternative = str(aside / "output"), str(aside / "alternative")
    opened = plan.opened
    inputs = [file.path for file in plan.originals]
    if not on_host:
        mounts, folder = originals.mounts(plan.originals, plan.opened, aside)
        mounts.append((output, runtimes.OUTPUT, True))
        if converter.alt_output:
            mounts.append((alternative, runtimes.ALTERNATIVE, True))
        output, alternative = runtimes.OUTPUT, runtimes.ALTERNATIVE
        opened = originals.inside(opened, folder)
        inputs = [originals.inside(path, folder) for path in inputs]
    inputs = sorted(inputs, key=lambda path: path != opened)
    if converter.contract == "biomero":
        words = template.command(request, opened, inputs, output) if converter.command else []
        alternative = alternative if converter.alt_output else ""
        words += biomero.arguments(opened, output, alternative, request.parameters)
    else:
        words = template.command(request, opened, inputs, output)
    return Job(
        image=plan.image.used,
        words=words,
        has_entry=not converter.command,
        mounts=mounts,
        temporary=aside / "tmp",
        environment=environment,
        variables=variables,
        cpus=converter.cpus,
        memory_mb=converter.memory_mb,
        network=converter.network,
        working_folder=converter.working_folder,
        name=_job_name(aside),
    )


def _job_name(attempt: Path) -> str:
    return f"omero-ingest-{attempt.name}"


def _check_room(aside: Path) -> None:
    """Raises StageError when scratch is full: a converter that fails for it cannot even say so."""
    try:
        (aside / "room").write_bytes(bytes(1 << 16))
    except OSError as error:
        raise write_error(aside, error) from None


def _check_ended(request: Request, ended: process.Ended, out_of_memory: bool, words: str) -> None:
    converter: Converter = request.converter
    said = f"; its last output: {words[-WORDS:]}" if words else "; it printed nothing"
    if ended.limit == "time":
        raise StageError(
            f"the converter {request.name} was ended after {converter.time_limit_minutes:g} minutes"
            + said,
            "If it needs longer, raise the converter's time_limit_minutes; else find out what it "
            "waits for.",
        )
    if out_of_memory:
        raise StageError(
            f"the converter {request.name} was ended: it took more than its {converter.memory_mb} "
            f"MB of memory{said}",
            "Raise the converter's memory_mb, on a node that has that much.",
        )
    if ended.status:
        how = f"status {ended.status}" if ended.status > 0 else f"signal {-ended.status}"
        raise StageError(
            f"the converter {request.name} ended with {how}{said}",
            "Nothing of it is kept. Find the reason in its output and in the job's log, and run "
            "the same command again.",
        )


def _parts(plan: Plan, aside: Path, context: Context) -> list[Part]:
    request = plan.request
    output, alternative = aside / "output", aside / "alternative"
    for folder in (output, alternative):
        outputs.check_kinds(folder, request.name)
    items = None
    if request.converter.contract == "biomero":
        items = biomero.announced(process.tail(aside / "stdout", ANSWER), request.name)
    if items is None:
        found = outputs.found_outputs(request, output)
    else:
        seen = (runtimes.OUTPUT, runtimes.ALTERNATIVE)
        if plan.runtime.name == "host":
            seen = (str(output), str(alternative))
        places = list(zip(seen, (output, alternative), strict=True))
        found = outputs.announced_outputs(items, places, request.name)
    return outputs.parts(found, [output, alternative], request.name, context.grouping)


def _kept(
    plan: Plan, parts: list[Part], aside: Path, ready: Path, context: Context
) -> dict[str, Any]:
    """Brings outputs (and originals, where they are archived) to `ready`; what they are."""
    described, kept = [], []
    kept_from: dict[str, Path] = {}
    for part in parts:
        names = []
        for path in part.files:
            above = next(
                folder for folder in (aside / "output", aside / "alternative")
                if path.is_relative_to(folder)
            )  # fmt: skip
            name = path.relative_to(above).as_posix()
            if kept_from.setdefault(name, path) != path:
                raise StageError(
                    f"the converter {plan.request.name} reports two files {name}, one in each of "
                    "its output folders, which are to become one",
                    "Nothing of it is kept. Set alt_output: false, or report it to who wrote the "
                    "converter.",
                )
            file = place.keep(path, ready / place.CONVERTED / name)
            kept.append({"name": name, "size": file.size, "digest": file.digests[VERIFICATION]})
            names.append(name)
        described.append(part.to_json(names))
    keep = context.config.convert.keep_original
    if keep == "archive":

        def archive(file: SourceFile) -> None:
            copy_verified(file, ready / place.ORIGINAL / file.name, context.progress.advance)

        for_each_file(archive, plan.originals, context)
    return {"outputs": kept, "parts": described, "keep_original": keep}


def _record(
    fileset: Fileset, home: Path, facts: Mapping[str, Any], sources: tuple[SourceFile, ...]
) -> Record:
    folder = home / place.CONVERTED
    files = []
    for part in facts["parts"]:
        for name in part["files"]:
            kept = source_file(str(folder / name), f"{place.CONVERTED}/{name}")
            files.append(replace(kept, source=sources[0].path))
    first = facts["parts"][0]
    seen = [replace(file, digests={}).to_json() for file in sources]
    return Record(
        fileset.id,
        "convert",
        "ok",
        files=tuple(files),
        facts={
            "reader": first["reader"],
            "format": first["format"],
            "is_plate": first["is_plate"],
            "conversion": {**facts, "folder": str(home), "sources": seen},
        },
    )
