"""The rows of an import: images and plates in their fileset, under their target, annotated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import omero
import omero.model
from omero.rtypes import rdouble, rint, rstring

from imageformats.model import ImageFileset
from omero_embedded.imports.images import image_graph, image_name, image_views
from omero_embedded.imports.plates import plate_graph
from omero_embedded.imports.statistics import Statistics
from omero_embedded.imports.wishes import Wishes
from omero_embedded.pixels.settings import new_settings
from omero_embedded.repository.beginning import Begun
from omero_embedded.store import Work
from omero_embedded.wire import errors


def save_metadata(
    work: Work, begun: Begun, content: ImageFileset, wishes: Wishes
) -> tuple[list[Any], list[Any]]:
    """Save the images and plates of a fileset, linked to what the user asked for.

    Returns them saved; what only the pixels tell is not in them yet.
    """
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
    _link_target(work, wishes.target, saved_images, saved_plates)
    _annotate(work, wishes.annotations, saved_images)
    return saved_images, saved_plates


def save_statistics(
    work: Work, images: Sequence[Any], statistics: Mapping[int, Statistics]
) -> None:
    """Save what the pixels tell: `statistics` by series."""
    changed: list[Any] = []
    for image in images:
        found = statistics[image.series.val]
        pixels = image.getPrimaryPixels()
        pixels.sha1 = rstring(found.sha1)
        changed.append(pixels)
        for channel, (low, high) in zip(pixels.copyChannels(), found.ranges, strict=True):
            channel.statsInfo = omero.model.StatsInfoI()
            channel.statsInfo.globalMin, channel.statsInfo.globalMax = rdouble(low), rdouble(high)
    work.save_all(changed)


def save_views(
    work: Work,
    content: ImageFileset,
    images: Sequence[Any],
    statistics: Mapping[int, Statistics],
    sizes: Mapping[int, tuple[int, int]],
) -> None:
    """Save how each image is shown at first, and the thumbnails that were drawn of it so.

    `sizes`: series -> width and height of its thumbnail.
    """
    made = []
    for image, saved in zip(content.images, images, strict=True):
        views = image_views(image, statistics.get(image.series))
        pixels_id = saved.getPrimaryPixels().id.val
        made.append(new_settings(work, pixels_id, image.size_z, views))
        if image.series in sizes:
            made.append(_thumbnail(pixels_id, *sizes[image.series]))
    work.save_all(made)


def _thumbnail(pixels_id: int, width: int, height: int) -> Any:
    made = omero.model.ThumbnailI()
    made.pixels = omero.model.PixelsI(pixels_id, False)
    made.sizeX, made.sizeY = rint(width), rint(height)
    made.mimeType, made.ref = rstring("image/jpeg"), rstring("")
    return made


def _format_name(reader: str) -> str:
    """ "OMETiff" of loci.formats.in.OMETiffReader: what OMERO calls a format."""
    return re.sub("Reader", "", reader.rpartition(".")[2]) or "unknown"


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
