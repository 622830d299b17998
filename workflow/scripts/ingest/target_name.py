"""Whether a text names a place in OMERO that the workflow can import to."""

from __future__ import annotations

from ingest.fileset import Problem
from ingest.omero.target_grammar import BadTarget, parse_target

LONGEST_NAME = 255  # OMERO's columns for the names of containers and images


def target_problem(text: str) -> Problem | None:
    """What is wrong with a target as the manifest or the configuration gives it; None if nothing.

    An empty text is right: the images stay orphaned.
    """
    if not text:
        return None
    if text.lower().startswith("regex:"):
        return Problem(
            f"target {text!r}: targets by regular expression are not supported yet",
            "Name the Dataset or Screen itself, like Dataset:name:D.",
        )
    try:
        target = parse_target(text)
    except BadTarget as error:
        return Problem(str(error), "Correct it as docs/manifest.md shows under Targets.")
    for container in filter(None, (target.container, target.project)):
        if container.choice != "id" and len(container.value) > LONGEST_NAME:
            return Problem(
                f"the {container.kind}'s name in the target has {len(container.value)} characters",
                f"Write a shorter one: OMERO keeps at most {LONGEST_NAME}.",
            )
    return None
