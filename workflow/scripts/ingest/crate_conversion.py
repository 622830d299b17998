"""A conversion in the crate of a run: of which originals, by which image, into which files."""

from __future__ import annotations

from rocrate.model import Entity
from rocrate.rocrate import ROCrate

from ingest.crate_entities import COMPLETED, add, add_collection, add_digested_file
from ingest.summary import Outcome


def add_converted_files(crate: ROCrate, outcome: Outcome) -> list[Entity]:
    """The files that a converter made, with the action that made them of the originals."""
    fileset, facts = outcome.fileset, outcome.facts["conversion"]
    made = [
        add_digested_file(crate, file.path, file.name, file.size, file.digests)
        for file in outcome.files
    ]
    originals = [
        add_digested_file(crate, each["path"], each["name"], each["size"], each["digests"])
        for each in facts["originals"]
    ]
    name, image = facts["converter"], facts["image_digest"]
    converter = add(
        crate,
        f"#converter/{name}/{image}",
        "SoftwareApplication",
        name=name,
        softwareVersion=image,
        identifier=facts["image"],
    )
    options = facts["decided_by"]
    parameters = "".join(f" {key}={value}" for key, value in options["parameters"].items())
    add(
        crate,
        f"#convert/{fileset.id}",
        "CreateAction",
        name=f"Conversion of {fileset.id}",
        description=f"{options['converter']['command'] or options['converter']['contract']}"
        f"{parameters}, run by {facts['runtime']['name']}",
        instrument=converter,
        object=add_collection(
            crate, f"#originals/{fileset.id}", f"Originals of {fileset.id}", originals
        ),
        result=made,
        actionStatus=COMPLETED,
    )
    return made
