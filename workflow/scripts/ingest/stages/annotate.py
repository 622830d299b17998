"""annotate: key-value pairs, tags and a link back to the source, on every plate or image.

Where a fileset has plates they are annotated, else each of its images. The source link is a
MapAnnotation of host, path, manifest, row, fileset and `digest <file>` for each file; beyond
50 files it counts them, and has the digest over the lines `<digest>  <name>` of all files, sorted,
instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingest.config import Config
from ingest.context import Context
from ingest.digests import digest_bytes
from ingest.fileset import Fileset, Record, StageError
from ingest.omero import queries
from ingest.omero.annotations import link_annotation, put_key_values
from ingest.omero.errors import Passing
from ingest.omero.queries import Annotatable
from ingest.omero.retrying import retried
from ingest.omero.session import Session
from ingest.omero.tags import unloaded_tag
from ingest.parts import imports
from ingest.prepared import prepare_anew, tag_ids
from ingest.stages import Stage

FILES_LISTED = 50


def run(fileset: Fileset, upstream: Record, context: Context) -> Record:
    # A second attempt finds by namespace and id what the first one linked.
    seconds = context.config.importing.retry_seconds
    try:
        return retried(fileset.id, seconds, lambda: _attempt(fileset, upstream, context))
    except Passing:
        raise
    except StageError:
        if context.config.annotate.tags:
            _check_tags(fileset, context)
        raise


def _check_tags(fileset: Fileset, context: Context) -> None:
    """After a failure: raises StageError when somebody took away a tag that was prepared."""
    with context.sessions.using(fileset.user, fileset.group) as session:
        gone = [
            text
            for text, tag_id in tag_ids(fileset, context).items()
            if not queries.is_tag(session, tag_id)
        ]
    if gone:
        prepare_anew(context)
        raise StageError(
            f"the tag {gone[0]} was in OMERO when it was prepared, and is gone",
            "Run the same command again: it looks for the tag anew, and makes it if need be.",
        )


def _attempt(fileset: Fileset, upstream: Record, context: Context) -> Record:
    if upstream.status == "notneeded":  # not ours: the import found it in OMERO
        return replace(upstream, stage="annotate")
    options = context.config.annotate
    prefix = options.namespace_prefix
    kind, ids = annotated(upstream.facts)
    tags = tag_ids(fileset, context) if options.tags else {}
    key_values_id = source_id = None
    with context.sessions.using(fileset.user, fileset.group) as session:
        if options.key_values:
            key_values_id = put_key_values(
                session, kind, ids, f"{prefix}/key-values", fileset.key_values
            )
        if options.source_link:
            source_id = put_key_values(
                session, kind, ids, f"{prefix}/source", source_pairs(fileset, upstream, context)
            )
        converter_ids = _put_converters_key_values(session, upstream, f"{prefix}/converter")
        for tag_id in tags.values():
            link_annotation(session, kind, ids, unloaded_tag(tag_id))
    made = [key_values_id, source_id, *converter_ids, *tags.values()]
    return Record(
        fileset.id,
        "annotate",
        "ok" if any(made) else "notneeded",
        files=upstream.files,
        facts={
            **upstream.facts,
            "key_values_id": key_values_id,
            "source_id": source_id,
            "converter_ids": converter_ids,
            "tags": tags,
        },
    )


def still_holds(fileset: Fileset, earlier: Record, context: Context) -> bool:
    """Whether every annotation is still on every object."""
    facts = earlier.facts
    if "key_values_id" not in facts:
        return True
    kind, ids = annotated(facts)
    made = [facts["key_values_id"], facts["source_id"], *facts["tags"].values()]

    wanted = [(annotation, kind, ids) for annotation in made]
    converters = facts.get("converter_ids", ())
    wanted += [
        (annotation, *annotated(its))
        for annotation, its in zip(converters, imports(earlier), strict=False)
    ]

    def look() -> bool:
        with context.sessions.using(fileset.user, fileset.group) as session:
            return all(
                queries.linked_objects(session, kind, ids, annotation) == set(ids)
                for annotation, kind, ids in wanted
                if annotation is not None
            )

    return retried(fileset.id, context.config.importing.retry_seconds, look)


def _put_converters_key_values(
    session: Session, upstream: Record, namespace: str
) -> list[int | None]:
    """What a converter told of its outputs, on the images that each of them became."""
    parts = upstream.facts.get("conversion", {}).get("parts", ())
    if not parts:
        return []
    return [
        put_key_values(
            session, *annotated(its), namespace, [(key, text) for key, text in part["key_values"]]
        )
        if "fileset_id" in its
        else None
        for part, its in zip(parts, imports(upstream), strict=True)
    ]


def annotated(facts: Mapping[str, Any]) -> tuple[Annotatable, list[int]]:
    """What is annotated of an imported fileset: its plates, or its images when it has none."""
    if facts["plate_ids"]:
        return "Plate", facts["plate_ids"]
    return "Image", facts["image_ids"]


def source_pairs(fileset: Fileset, upstream: Record, context: Context) -> list[tuple[str, str]]:
    pairs = [
        ("host", upstream.host),
        ("path", upstream.files[0].source),
        ("manifest", context.config.manifest.name),
        ("row", str(fileset.row)),
        ("fileset", fileset.id),
        *_conversion_pairs(upstream),
    ]
    if len(upstream.files) <= FILES_LISTED:
        return pairs + [
            (f"digest {file.name}", " ".join(f"{name}:{hex}" for name, hex in file.digests.items()))
            for file in upstream.files
        ]
    return [
        *pairs,
        ("files", str(len(upstream.files))),
        ("digest of all files", _digest_of_all(upstream)),
    ]


def _conversion_pairs(upstream: Record) -> list[tuple[str, str]]:
    """What the files were made of, and by what; nothing when they are the originals themselves."""
    facts = upstream.facts.get("conversion")
    if facts is None:
        return []
    pairs = [("converter", facts["converter"]), ("converter image", facts["image_digest"])]
    if facts["keep_original"] == "archive":
        pairs.append(("original kept in", f"{facts['folder']}/original"))
    if facts["keep_original"] != "none" and len(facts["originals"]) <= FILES_LISTED:
        pairs += [
            (
                f"digest original/{file['name']}",
                " ".join(f"{name}:{hex}" for name, hex in file["digests"].items()),
            )
            for file in facts["originals"]
        ]
    return [(key, text) for key, text in pairs if text]


def _digest_of_all(upstream: Record) -> str:
    algorithms = upstream.files[0].digests
    digests = []
    for algorithm in algorithms:
        lines = sorted(f"{file.digests[algorithm]}  {file.name}\n" for file in upstream.files)
        digest = digest_bytes("".join(lines).encode(), [algorithm])[algorithm]
        digests.append(f"{algorithm}:{digest}")
    return " ".join(digests)


def _settings(config: Config) -> Mapping[str, Any]:
    return {"annotate": config.annotate.model_dump(mode="json"), "manifest": config.manifest.name}


STAGE = Stage(
    "annotate",
    run,
    still_holds,
    uses=("id", "row", "user", "group", "tags", "key_values"),
    settings=_settings,
)
