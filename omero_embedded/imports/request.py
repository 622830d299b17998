"""What happens to a fileset once its files are verified: OMERO's five import steps.

Everything that is read is read first; images, plates and their links are then saved in one
transaction, so that an import that fails or is killed leaves a Fileset without images.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero
import omero.all
from omero.rtypes import rlong, unwrap

import imageformats
from imageformats import PlaneReader
from imageformats.model import ImageFileset
from omero_embedded.commands.handle import Failed, Task
from omero_embedded.imports.images import image_views
from omero_embedded.imports.importlog import ImportLog
from omero_embedded.imports.saving import Wishes, save_images
from omero_embedded.imports.statistics import Statistics, measure
from omero_embedded.pixels.rendering import ACTIVE_CHANNELS
from omero_embedded.pixels.thumbnails import Thumbnails, draw
from omero_embedded.repository.beginning import Begun, set_job
from omero_embedded.sessions.acting import as_server
from omero_embedded.store import Actor, Store


@dataclass
class Importer:
    """Makes the import tasks of one server."""

    store: Store
    thumbnails: Thumbnails

    def task(self, actor: Actor, begun: Begun, settings: Any, request: Any) -> Task:
        """The work that a verified fileset needs, to be run by a handle."""
        run = _Run(self.store, self.thumbnails, actor, begun, Wishes.of(settings))
        steps = [run.open, run.read_pixels, run.draw_thumbnails, run.save, run.finish]
        guarded = [run.guarded(number, step) for number, step in enumerate(steps)]
        task = Task(request, guarded, run.response, run.stop)
        run.check = task.check
        return task


class _Run:
    """One import. The open reader passes from step to step, in one thread."""

    def __init__(
        self, store: Store, thumbnails: Thumbnails, actor: Actor, begun: Begun, wishes: Wishes
    ) -> None:
        self._store = store
        self._thumbnails = thumbnails
        self._actor = actor
        self._begun = begun
        self._wishes = wishes
        self._log = ImportLog(begun.log_path)
        self._open = contextlib.ExitStack()
        self._planes: PlaneReader
        self._content: ImageFileset
        self._statistics: dict[int, Statistics] = {}
        self._drawn: dict[int, bytes] = {}
        self._images: list[Any] = []
        self._plates: list[Any] = []
        self.check: Callable[[], None] = lambda: None

    @property
    def _first(self) -> Path:
        return self._begun.paths[0]

    def guarded(self, number: int, step: Callable[[], None]) -> Callable[[], None]:
        """The step with its failures named as OMERO names them."""

        def run() -> None:
            try:
                step()
            except imageformats.UnreadableImage as error:
                name = "error-on-init" if number == 0 else "import-file-exception"
                raise self._failed(name, error.reason) from error
            except (OSError, MemoryError) as error:
                raise self._failed("import-file-exception", str(error)) from error
            except omero.ServerError as error:
                raise self._failed("import-request-failure", error.message) from error

        return run

    def _failed(self, name: str, message: str) -> Failed:
        self._log.error(f"{name}: {message}")
        return Failed(name, message, filename=str(self._first), stacktrace="")

    def open(self) -> None:
        """Step 1: what the files are."""
        self._job("MetadataImportJob", "Running")
        self._log.info(f"reading {self._first}")
        self._planes = self._open.enter_context(imageformats.open_planes(self._first))
        self._content = self._planes.describe()
        self._check_files()
        self._log.info(
            f"{self._content.format} by {self._content.reader}: {len(self._content.images)} images,"
            f" {len(self._content.plates)} plates"
        )

    def _check_files(self) -> None:
        """The reader must not have found companions that were not uploaded."""
        missing = [name for name in self._content.files if not Path(name).exists()]
        if missing:
            raise imageformats.UnreadableImage(str(self._first), f"{missing[0]} is missing")

    def read_pixels(self) -> None:
        """Step 2: statistics and digests of the pixels."""
        if not self._wishes.statistics:
            return
        for image in self._content.images:
            self._statistics[image.series] = measure(self._planes, image, self.check)
        self._log.info("pixels are read")

    def draw_thumbnails(self) -> None:
        """Step 3: a thumbnail of each image, kept until the images have ids."""
        if not self._wishes.thumbnails:
            return
        for image in self._content.images:
            self.check()
            views = image_views(image, self._statistics.get(image.series))[:ACTIVE_CHANNELS]
            z = image.size_z // 2
            self._drawn[image.series] = draw(self._planes, image.series, z, 0, views)
        self._log.info("thumbnails are drawn")

    def save(self) -> None:
        """Step 4: everything in one transaction."""
        with self._store.write(as_server(self._actor)) as work:
            self._images, self._plates = save_images(
                work, self._begun, self._content, self._wishes, self._statistics
            )
            for kind in ("MetadataImportJob", "PixelDataJob", "ThumbnailGenerationJob"):
                set_job(work, self._begun, kind, "Finished")
            set_job(work, self._begun, "IndexingJob", "Finished")
        for image in self._images:
            drawn = self._drawn.get(unwrap(image.series))
            if drawn is not None:
                self._thumbnails.keep(image.getPrimaryPixels().id.val, drawn)

    def finish(self) -> None:
        """Step 5: the log is complete.

        OMERO notes its size after each of three steps, and clients tell from that how long they
        took. Here nothing exists before everything is read: all that time is the first one's.
        """
        for message in (
            "metadata are saved",
            "thumbnails are kept",
            "done: Image:" + ",".join(str(i.id.val) for i in self._images),
        ):
            self._log.info(message)
            self._note_log_size()

    def response(self) -> Any:
        pixels = [image.getPrimaryPixels() for image in self._images]
        plates = [omero.model.PlateI(plate.id.val, False) for plate in self._plates]
        images = [_brief(image) for image in self._images]
        return omero.grid.ImportResponse(
            pixels=[_brief_pixels(p) for p in pixels], objects=[*plates, *images]
        )

    def stop(self, is_failed: bool) -> None:
        """Let go of the files; note a failure in the jobs."""
        self._open.close()
        if is_failed:
            self._job("MetadataImportJob", "Error")
            self._note_log_size()

    def _job(self, kind: str, status: str) -> None:
        with self._store.write(as_server(self._actor)) as work:
            set_job(work, self._begun, kind, status)

    def _note_log_size(self) -> None:
        with self._store.write(as_server(self._actor)) as work:
            row = work.get("OriginalFile", self._begun.log_id)
            row.size = rlong(self._begun.log_path.stat().st_size)
            work.save(row)


def _brief(image: Any) -> Any:
    """The image without its graph: ids and names are what clients take from a response."""
    made = omero.model.ImageI(image.id.val, True)
    made.name, made.series, made.description = image.name, image.series, image.description
    made.acquisitionDate = image.acquisitionDate
    made.unloadCollections()
    return made


def _brief_pixels(pixels: Any) -> Any:
    made = omero.model.PixelsI(pixels.id.val, True)
    for field in ("sizeX", "sizeY", "sizeZ", "sizeC", "sizeT", "sha1", "significantBits"):
        setattr(made, field, getattr(pixels, field))
    made.image = omero.model.ImageI(pixels.image.id.val, False)
    made.unloadCollections()
    return made
