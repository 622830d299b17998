"""What a manifest's target means: the official importer's grammar for Project, Dataset and Screen.

`Dataset:12` and `Dataset:id:12` name an existing container. `Dataset:name:D` (or `+name`) means the
newest of that name, `-name` the oldest, `%name` the only one, and each is created when there is
none; `@name` is created for every fileset. `Project:name:P/Dataset:name:D` also puts D into P.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingest.fileset import Problem
from ingest.import_options import is_id
from ingest.omero.target_template import is_template, template_problem

Kind = Literal["Project", "Dataset", "Screen"]
Choice = Literal["id", "newest", "oldest", "only", "new"]

_KINDS: dict[str, Kind] = {"Project": "Project", "Dataset": "Dataset", "Screen": "Screen"}
_CHOICES: dict[str, Choice] = {
    "id": "id",
    "name": "newest",
    "+name": "newest",
    "-name": "oldest",
    "%name": "only",
    "@name": "new",
}
_EXAMPLES = (
    "Dataset:id:1, Dataset:name:D, Project:name:P/Dataset:name:D, Screen:name:S or "
    "regex:name:.*/(?<Container1>[^/]+)"
)
_INSIDE = "/Dataset:"
_NESTED = ("/Project:", "/Dataset:", "/Screen:")

LONGEST_NAME = 255  # OMERO's columns for the names of containers and images


class BadTarget(ValueError):
    """A text that is no target. The message says what is wrong with it and what would be right."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container: its kind and how to choose it, by `value` (an id's digits, or a name)."""

    kind: Kind
    choice: Choice
    value: str

    @property
    def id(self) -> int:
        return int(self.value)

    def __str__(self) -> str:
        return f"{self.kind} {'id' if self.choice == 'id' else 'named'} {self.value!r}"


@dataclass(frozen=True, slots=True)
class TargetPath:
    """A target: the container for a fileset's images or plates, and the Project around it."""

    container: Container
    project: Container | None = None

    @property
    def per_fileset(self) -> bool:
        """Whether every fileset gets a container of its own."""
        return self.container.choice == "new" or (
            self.project is not None and self.project.choice == "new"
        )


def parse_target(text: str) -> TargetPath:
    """The target that `text` names. Raises BadTarget."""
    outer, inside, inner = text.partition(_INSIDE)
    if not text.startswith("Project:"):
        return TargetPath(_container(text, text))
    if not inside:
        raise BadTarget(
            f"target {text!r} is a Project, which holds no images itself: "
            f"write {text}{_INSIDE}name:NAME"
        )
    return TargetPath(_container(_INSIDE[1:] + inner, text), _container(outer, text))


def target_problem(text: str) -> Problem | None:
    """What is wrong with a target as the manifest or the configuration gives it; None if nothing.

    An empty text is right: the images stay orphaned.
    """
    if not text:
        return None
    if is_template(text):
        return template_problem(text)
    try:
        target = parse_target(text)
    except BadTarget as error:
        return Problem(str(error), "Correct it as docs/manifest.md shows under Targets.")
    nested = next((each for each in _NESTED if each in target.container.value), "")
    if nested:
        return Problem(
            f"target {text!r}: OMERO puts no {nested[1:-1]} into a {target.container.kind}",
            "The only path is Project:name:P/Dataset:name:D.",
        )
    for container in filter(None, (target.container, target.project)):
        if container.choice != "id" and len(container.value) > LONGEST_NAME:
            return Problem(
                f"the {container.kind}'s name in the target has {len(container.value)} characters",
                f"Write a shorter one: OMERO keeps at most {LONGEST_NAME}.",
            )
    return None


def _container(part: str, whole: str) -> Container:
    prefix, _, rest = part.partition(":")
    kind = _KINDS.get(prefix)
    if kind is None or not rest:
        raise BadTarget(f"target {whole!r} is not valid: write it like {_EXAMPLES}")
    word, colon, value = rest.partition(":")
    choice = _CHOICES.get(word) if colon else "id"
    if not colon:
        value = word
    if choice is None:
        raise BadTarget(
            f"target {whole!r} has the unknown discriminator {word!r}: use one of "
            + ", ".join(_CHOICES)
        )
    if choice == "id" and not is_id(value):
        raise BadTarget(
            f"target {whole!r}: {value!r} is not an id; for a name write {prefix}:name:..."
        )
    if not value.strip():
        raise BadTarget(f"target {whole!r} has an empty name")
    return Container(kind, choice, value)
