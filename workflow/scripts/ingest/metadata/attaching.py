"""Puts what tables say on objects in OMERO, as key-value pairs and tags: once, kept up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.metadata.matching import Described
from ingest.metadata.noted_tags import note_tag
from ingest.omero.annotations import link_annotation, put_own_key_values
from ingest.omero.queries import Annotatable
from ingest.omero.session import Session
from ingest.omero.tags import resolve_tag, unloaded_tag


@dataclass
class Said:
    """What is said of a user's objects in a group: pairs and tags, by the kind and id of each."""

    pairs: dict[Annotatable, dict[int, list[tuple[str, str]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    tags: dict[str, dict[Annotatable, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def know(self, object_: Described) -> None:
        """What an earlier run put on this object goes, as far as nothing says it again."""
        if object_.kind != "Fileset":
            self.pairs[object_.kind][object_.id] += []

    def add(
        self, object_: Described, pairs: Iterable[tuple[str, str]], tags: Sequence[str],
        wells_to_images: bool,
    ) -> None:  # fmt: skip
        """`tags` are the keys, in lower case, whose values become tags."""
        of_tags: list[tuple[str, str]] = []
        of_pairs: list[tuple[str, str]] = []
        for key, value in pairs:
            (of_tags if key.lower() in tags else of_pairs).append((key, value))
        for kind, number in _places(object_, wells_to_images):
            self.pairs[kind][number] += of_pairs
            for _, value in of_tags:
                for tag in filter(None, map(str.strip, value.split(";"))):
                    self.tags[tag][kind].append(number)


def attach(session: Session, said: Said, namespace: str, key_values: bool, results: Path) -> None:
    """Without `key_values`, those that an earlier run put go."""
    for kind, pairs in said.pairs.items():
        wanted = _frozen(pairs) if key_values else dict.fromkeys(pairs, ())
        put_own_key_values(session, kind, wanted, namespace)
    for tag, objects in said.tags.items():
        tag_id = resolve_tag(session, tag)
        note_tag(results, tag_id)
        for kind, numbers in objects.items():
            link_annotation(session, kind, list(dict.fromkeys(numbers)), unloaded_tag(tag_id))


def _places(object_: Described, wells_to_images: bool) -> list[tuple[Annotatable, int]]:
    if object_.kind == "Fileset":
        return [("Image", number) for number in object_.images]
    places: list[tuple[Annotatable, int]] = [(object_.kind, object_.id)]
    if object_.kind == "Well" and wells_to_images:
        places += [("Image", number) for number in object_.images]
    return places


def _frozen(
    pairs: Mapping[int, Sequence[tuple[str, str]]],
) -> dict[int, tuple[tuple[str, str], ...]]:
    # The same said twice, by a well's row and by its image's, is said once.
    return {number: tuple(dict.fromkeys(own)) for number, own in pairs.items()}
