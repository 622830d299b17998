"""results/ro-crate-metadata.json: the results folder as a Workflow Run RO-Crate.

The profile is https://w3id.org/ro/wfrun/workflow/0.5, on RO-Crate 1.1. One action stands for the
whole run, one for each fileset, from its source files to its objects in OMERO. Identifiers are
made from the manifest's, so two runs over the same bytes differ in times, hosts and OMERO's ids
and in nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model import Dataset, Entity
from rocrate.rocrate import ROCrate

from ingest.atomic import write_bytes, write_text
from ingest.crate_conversion import add_converted_files
from ingest.crate_entities import (
    COMPLETED,
    FAILED,
    add,
    add_collection,
    add_digested_file,
    add_file,
)
from ingest.fileset import SourceFile
from ingest.summary import STAGES, Outcome, StageRun
from ingest.workflow_run import WorkflowRun, sha256

METADATA = "ro-crate-metadata.json"
SNAKEFILE = "provenance/Snakefile"
CONFIGURATION = "provenance/config.yaml"
MANIFEST = "provenance/manifest.csv"
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
SOFTWARE = {
    "Snakemake": "https://snakemake.github.io",
    "omero-py": "https://github.com/ome/omero-py",
    "OMERO.server": "https://www.openmicroscopy.org/omero/",
    "Bio-Formats": "https://www.openmicroscopy.org/bio-formats/",
    "Python": "https://www.python.org",
}


def write_crate(results: Path, outcomes: Iterable[Outcome], run: WorkflowRun) -> None:
    """Make `results`, which holds imported.csv and report.html, a crate of this run.

    The Snakefile, the manifest and the effective configuration are copied into it.
    """
    write_bytes(results / SNAKEFILE, run.snakefile.read_bytes())
    write_bytes(results / MANIFEST, run.manifest.read_bytes())
    write_text(results / CONFIGURATION, run.configuration)
    folders = [name for name in ("plan", *STAGES) if (results / name).is_dir()]
    crate = build_crate(list(outcomes), run, folders)
    write_text(results / METADATA, _one_line_per_entity(crate.metadata.generate()))


def build_crate(outcomes: Sequence[Outcome], run: WorkflowRun, folders: Sequence[str]) -> ROCrate:
    """The crate of `outcomes`; `folders` are those of the stages' records that exist."""
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(CONTEXT)
    tool = _add_software(crate, run)
    agent = add(
        crate,
        "#agent",
        "Person",
        name=run.os_user,
        description=f"OMERO user {run.omero_user}" if run.omero_user else None,
    )
    manifest, configuration = _add_inputs(crate, run)
    results = _add_results(crate, folders)
    workflow = _add_workflow(crate, run, manifest, results)
    actions = [_add_fileset(crate, outcome, tool, agent) for outcome in outcomes]
    conversions = [e for e in crate.contextual_entities if e.id.startswith("#convert/")]
    left = sum(not outcome.ok for outcome in outcomes)
    whole = add(
        crate,
        "#run",
        "CreateAction",
        name="Run of the workflow",
        description=f"Filesets of {run.manifest.name}, brought into "
        + (f"the OMERO server {run.omero_server}" if run.omero_server else "OMERO"),
        instrument=workflow,
        agent=agent,
        object=[manifest, configuration],
        result=results,
        **_when_and_where([of for outcome in outcomes for of in outcome.stage_runs]),
        **_status(f"{left} of {len(outcomes)} filesets failed or are unfinished" if left else ""),
    )
    _describe_root(crate, outcomes, run, whole)
    crate.root_dataset["mentions"] = [
        whole,
        *actions,
        *conversions,
        *(entity for entity in crate.contextual_entities if entity.type == "Collection"),
    ]
    return crate


def _describe_root(
    crate: ROCrate, outcomes: Sequence[Outcome], run: WorkflowRun, whole: Entity
) -> None:
    done = sum(outcome.status == "ok" for outcome in outcomes)
    crate.name = run.title
    crate.description = (
        f"Filesets of {run.manifest.name} imported in place into OMERO: {done} of {len(outcomes)} "
        "verified and annotated."
    )
    # The time of publication is the run's end, so that the same records make the same crate.
    crate.root_dataset["author"] = whole["agent"]
    crate.root_dataset["datePublished"] = whole.get("endTime") or _iso(datetime.now(UTC))
    crate.license = add(
        crate,
        "#license",
        "CreativeWork",
        name="No licence stated",
        description="This workflow does not know under which terms the images may be used. "
        "Ask their owner.",
    )
    crate.root_dataset["conformsTo"] = [
        add(crate, profile, "CreativeWork", name=name, version=version)
        for profile, (name, version) in PROFILES.items()
    ]


def _add_software(crate: ROCrate, run: WorkflowRun) -> Entity:
    """What the run was done with. Returned is this software itself, which requires the rest."""
    others = [
        add(
            crate,
            SOFTWARE[name],
            "SoftwareApplication",
            name=name,
            url=SOFTWARE[name],
            softwareVersion=version,
        )
        for name, version in run.software.items()
    ]
    return add(
        crate,
        run.repository or "#omero-ingest",
        "SoftwareApplication",
        name="omero-ingest",
        url=run.repository or None,
        softwareVersion=run.commit or None,
        softwareRequirements=others,
    )


def _add_workflow(
    crate: ROCrate, run: WorkflowRun, manifest: Entity, results: Sequence[Entity]
) -> Entity:
    """The Snakefile as the crate's main entity, with the parameters its files are examples of."""
    workflow: Entity = crate.add_workflow(
        dest_path=SNAKEFILE,
        main=True,
        lang="snakemake",
        lang_version=run.software["Snakemake"],
        properties={"name": "omero-ingest"},
    )
    described = {
        "description": "Batch in-place ingestion of filesets into OMERO",
        "license": "https://spdx.org/licenses/GPL-2.0-or-later",
        "conformsTo": {"@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"},
        "encodingFormat": "text/plain",
        "sha256": sha256(run.snakefile.read_bytes()),
        "url": run.repository,
        "codeRepository": run.repository,
        "version": run.commit,
    }
    for name, value in described.items():
        if value:
            workflow[name] = value
    workflow["input"] = _add_parameter(crate, "manifest", manifest)
    workflow["output"] = [
        _add_parameter(crate, name, file)
        for name, file in zip(("table", "report"), results, strict=True)
    ]
    return workflow


def _add_parameter(crate: ROCrate, name: str, file: Entity) -> Entity:
    parameter = add(
        crate,
        f"#parameter/{name}",
        "FormalParameter",
        name=name,
        additionalType="File",
        workExample=file,
    )
    file["exampleOfWork"] = parameter
    return parameter


def _add_inputs(crate: ROCrate, run: WorkflowRun) -> tuple[Entity, Entity]:
    manifest = add_file(
        crate,
        MANIFEST,
        name=run.manifest.name,
        description="The manifest: one row per fileset",
        encodingFormat="text/csv",
        sha256=sha256(run.manifest.read_bytes()),
    )
    configuration = add_file(
        crate,
        CONFIGURATION,
        name="config.yaml",
        description="The whole configuration the run had, defaults included",
        encodingFormat="application/yaml",
        sha256=sha256(run.configuration.encode()),
    )
    return manifest, configuration


def _add_results(crate: ROCrate, folders: Sequence[str]) -> list[Entity]:
    """The table and the report; the folders of records are parts of the crate, too."""
    for folder in folders:
        of = "The plan" if folder == "plan" else f"The records of the stage {folder}"
        properties = {"name": folder, "description": f"{of}: JSON lines, one per fileset"}
        crate.add(Dataset(crate, dest_path=f"{folder}/", properties=properties))
    return [
        add_file(
            crate,
            "imported.csv",
            name="imported.csv",
            description="What became of every fileset, with its ids in OMERO",
            encodingFormat="text/csv",
        ),
        add_file(
            crate,
            "report.html",
            name="report.html",
            description="The run for people",
            encodingFormat="text/html",
        ),
    ]


def _add_fileset(crate: ROCrate, outcome: Outcome, tool: Entity, agent: Entity) -> Entity:
    """The action that brought one fileset from its source files into OMERO, or failed to."""
    fileset = outcome.fileset
    return add(
        crate,
        f"#import/{fileset.id}",
        "CreateAction",
        name=f"Import of {fileset.id}",
        description=f"Row {fileset.row} of the manifest, {fileset.path}: transfer "
        f"{fileset.transfer}, import transfer {fileset.import_transfer}"
        + (f"; not imported: {outcome.cause}" if outcome.found_fileset else ""),
        instrument=tool,
        agent=agent,
        object=_add_sources(crate, outcome),
        result=_add_omero_objects(crate, outcome),
        **_when_and_where(outcome.stage_runs),
        **_status("" if outcome.ok else f"{outcome.stage}: {outcome.cause}"),
    )


def _add_sources(crate: ROCrate, outcome: Outcome) -> Entity | None:
    """The one source file, or a collection of them, the one that OMERO opens being the main one."""
    if "conversion" in outcome.facts:
        files = add_converted_files(crate, outcome)
    else:
        files = [_add_source(crate, file) for file in outcome.files]
    return add_collection(
        crate, f"#files/{outcome.fileset.id}", f"Files of {outcome.fileset.id}", files
    )


def _add_source(crate: ROCrate, file: SourceFile) -> Entity:
    where = Path(file.path).as_uri() if file.path != file.source else None
    return add_digested_file(
        crate, file.source, file.name, file.size, file.digests, contentUrl=where
    )


def _add_omero_objects(crate: ROCrate, outcome: Outcome) -> list[Entity]:
    """OMERO's Fileset, Plates and Images; their ids are identifiers, not part of an `@id`."""
    if outcome.fileset_id is None:
        return []
    numbered = {
        "Fileset": outcome.fileset_ids,
        "Plate": outcome.plate_ids,
        "Image": outcome.image_ids,
    }
    target = _add_target(crate, outcome)
    in_target = "Plate" if outcome.plate_ids else "Image"
    return [
        add(
            crate,
            f"#omero/{outcome.fileset.id}/{kind}/{position}",
            "CreativeWork",
            name=f"{kind} {position} of {outcome.fileset.id} in OMERO",
            additionalType=kind,
            identifier=f"{kind}:{number}",
            isPartOf=target if kind == in_target else None,
        )
        for kind, ids in numbered.items()
        for position, number in enumerate(ids, 1)
    ]


def _add_target(crate: ROCrate, outcome: Outcome) -> Entity | None:
    target = outcome.facts.get("target")
    if not target:
        return None
    identifier = f"#target/{quote(outcome.fileset.target)}"
    known: Entity | None = crate.get(identifier)
    return known or add(
        crate,
        identifier,
        "CreativeWork",
        name=target["name"],
        additionalType=target["type"],
        identifier=outcome.target,
    )


def _when_and_where(stage_runs: Sequence[StageRun]) -> dict[str, Any]:
    if not stage_runs:
        return {}
    starts = [datetime.fromisoformat(of.started) for of in stage_runs]
    ends = [
        start + timedelta(seconds=of.seconds) for start, of in zip(starts, stage_runs, strict=True)
    ]
    return {
        "startTime": _iso(min(starts)),
        "endTime": _iso(max(ends)),
        "location": sorted({of.host for of in stage_runs if of.host}),
    }


def _status(error: str) -> Mapping[str, str]:
    return {"actionStatus": FAILED, "error": error} if error else {"actionStatus": COMPLETED}


def _one_line_per_entity(document: Mapping[str, Any]) -> str:
    """The document as JSON that `diff` and `grep` work on, however many entities it has."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    graph = ",\n".join(line(entity) for entity in document["@graph"])
    return f'{{"@context": {line(document["@context"])}, "@graph": [\n{graph}\n]}}\n'


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
