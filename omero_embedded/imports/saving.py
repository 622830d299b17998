"""The rows of an import: images and plates in their fileset, under their target, annotated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import omero
import omero.model
from omero.rtypes import unwrap

from imageformats.model import ImageFileset
from omero_embedded.imports.images import image_graph, image_name, image_views
from omero_embedded.imports.plates import plate_graph
from omero_embedded.imports.statistics import Statistics
from omero_embedded.pixels.settings import new_settings
from omero_embedded.repository.beginning import Begun
from omero_embedded.store import Work
from omero_embedded.wire import errors


@dataclass(frozen=True)
class Wishes:
    """omero.grid.ImportSettings in plain values. `target` is the client's Dataset or Screen."""

    target: Any
    name: str | None
    description: str | None
    pixel_sizes: tuple[float, ...]
    annotations: tuple[Any, ...]
    thumbnails: bool
    statistics: bool

    @classmethod
    def of(cls, settings: Any) -> Wishes:
        name = unwrap(settings.userSpecifiedName)
        sizes = tuple(settings.userSpecifiedPixels or ())
        return cls(
            target=settings.userSpecifiedTarget,
            name=(name or "").strip() or None,
            description=unwrap(settings.userSpecifiedDescription),
            pixel_sizes=sizes if len(sizes) >= 3 else (),
            annotations=tuple(a for a in settings.userSpecifiedAnnotationList or () if a),
            thumbnails=unwrap(settings.doThumbnails) is not False,
            statistics=unwrap(settings.noStatsInfo) is not True,
        )


def save_images(
    work: Work,
    begun: Begun,
    content: ImageFileset,
    wishes: Wishes,
    statistics: Mapping[int, Statistics],
) -> tuple[list[Any], list[Any]]:
    """Save everything that a fileset holds. Returns its images and plates, saved."""
    file_name = begun.paths[0].name
    chosen = wishes.name or file_name
    fileset = omero.model.FilesetI(begun.fileset_id, False)
    images = {}
    for image in content.images:
        made = image_graph(
            work,
            image,
            _format_name(content.reader),
            image_name(image, len(content.images), chosen),
            wishes.description,
            statistics.get(image.series),
            wishes.pixel_sizes,
        )
        made.fileset = fileset
        images[image.series] = made
    plates = [
        plate_graph(plate, images, wishes.name or plate.name or file_name, wishes.description)
        for plate in content.plates
    ]
    saved = work.save_all([*images.values(), *plates])
    saved_images, saved_plates = saved[: len(images)], saved[len(images) :]
    _add_settings(work, content, saved_images, statistics)
    _link_target(work, wishes.target, saved_images, saved_plates)
    _annotate(work, wishes.annotations, saved_images)
    return saved_images, saved_plates


def _format_name(reader: str) -> str:
    """ "OMETiff" of loci.formats.in.OMETiffReader: what OMERO calls a format."""
    return re.sub("Reader", "", reader.rpartition(".")[2]) or "unknown"


def _add_settings(
    work: Work,
    content: ImageFileset,
    images: list[Any],
    statistics: Mapping[int, Statistics],
) -> None:
    settings = []
    for image, saved in zip(content.images, images, strict=True):
        views = image_views(image, statistics.get(image.series))
        pixels_id = saved.getPrimaryPixels().id.val
        settings.append(new_settings(work, pixels_id, image.size_z, views))
    work.save_all(settings)


def _link_target(work: Work, target: Any, images: list[Any], plates: list[Any]) -> None:
    """A Dataset takes all images, also a plate's; a Screen the plates, and nothing else."""
    if isinstance(target, omero.model.Dataset):
        links = [omero.model.DatasetImageLinkI() for _ in images]
        for link, image in zip(links, images, strict=True):
            link.parent = omero.model.DatasetI(target.id.val, False)
            link.child = omero.model.ImageI(image.id.val, False)
    elif isinstance(target, omero.model.Screen):
        links = [omero.model.ScreenPlateLinkI() for _ in plates]
        for link, plate in zip(links, plates, strict=True):
            link.parent = omero.model.ScreenI(target.id.val, False)
            link.child = omero.model.PlateI(plate.id.val, False)
    elif target is None:
        return
    else:
        raise errors.validation(f"Unable to handle target: a {type(target).__name__}")
    work.save_all(links)


def _annotate(work: Work, annotations: tuple[Any, ...], images: list[Any]) -> None:
    """The user's annotations go on every image, a plate's too."""
    saved = [a if a.id is not None else work.save(a) for a in annotations]
    links = []
    for image in images:
        for annotation in saved:
            link = omero.model.ImageAnnotationLinkI()
            link.parent = omero.model.ImageI(image.id.val, False)
            link.child = type(annotation)(annotation.id.val, False)
            links.append(link)
    work.save_all(links)
