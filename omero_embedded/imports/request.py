"""What happens to a fileset once its files are verified: OMERO's five import steps.

Each step commits what it did, as in OMERO: an import that fails or is killed after the first
leaves images, without what only their pixels tell, and without thumbnails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero
import omero.all

import imageformats
from imageformats import PlaneReader
from imageformats.model import ImageFileset
from omero_embedded.commands.handle import Failed, Task
from omero_embedded.imports.images import image_views
from omero_embedded.imports.importlog import ImportLog
from omero_embedded.imports.saving import save_metadata, save_statistics, save_views
from omero_embedded.imports.statistics import Statistics, measure
from omero_embedded.imports.wishes import Wishes, with_template_target
from omero_embedded.pixels.rendering import ACTIVE_CHANNELS
from omero_embedded.pixels.thumbnails import Thumbnails, draw, fitted
from omero_embedded.repository.beginning import Begun
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
        steps = [
            run.import_metadata,
            run.read_pixels,
            run.draw_thumbnails,
            run.launch_processing,
            run.return_objects,
        ]
        task = Task(request, [run.guarded(step) for step in steps], run.response, run.stop)
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
        self._images: list[Any] = []
        self._plates: list[Any] = []
        self.check: Callable[[], None] = lambda: None

    @property
    def _first(self) -> Path:
        return self._begun.paths[0]

    def guarded(self, step: Callable[[], None]) -> Callable[[], None]:
        """The step with its failures named as OMERO names them, and the log's size noted after it,
        by which clients tell how long it took."""

        def run() -> None:
            try:
                with self._named("import-file-exception", "import-request-failure"):
                    step()
            finally:
                self._note_log_size()

        return run

    @contextlib.contextmanager
    def _named(self, of_files: str, of_others: str) -> Iterator[None]:
        try:
            yield
        except imageformats.UnreadableImage as error:
            raise self._failed(of_files, error.reason) from error
        except (OSError, MemoryError) as error:
            raise self._failed(of_files, str(error)) from error
        except omero.ServerError as error:
            raise self._failed(of_others, error.message) from error

    def _failed(self, name: str, message: str) -> Failed:
        self._log.error(f"{name}: {message}")
        return Failed(name, message, filename=str(self._first), stacktrace="")

    def import_metadata(self) -> None:
        """Step 1: what the files are, saved as images and plates under their target."""
        with self._named("error-on-init", "error-on-init"):
            self._initialise()
        with self._store.write(as_server(self._actor)) as work:
            self._images, self._plates = save_metadata(
                work, self._begun, self._content, self._wishes
            )
        self._log.info("metadata are saved")

    def _initialise(self) -> None:
        self._log.info(f"reading {self._first}")
        self._planes = self._open.enter_context(imageformats.open_planes(self._first))
        self._content = self._planes.describe()
        missing = [name for name in self._content.files if not Path(name).exists()]
        if missing:
            # The reader found companions that were not uploaded.
            raise imageformats.UnreadableImage(str(self._first), f"{missing[0]} is missing")
        with self._store.write(self._actor) as work:
            is_plate = bool(self._content.plates)
            self._wishes = with_template_target(work, self._wishes, is_plate, self._log)
        self._log.info(
            f"{self._content.format} by {self._content.reader}: {len(self._content.images)} images,"
            f" {len(self._content.plates)} plates"
        )

    def read_pixels(self) -> None:
        """Step 2: statistics and digests of the pixels."""
        if self._wishes.statistics:
            for image in self._content.images:
                self._statistics[image.series] = measure(self._planes, image, self.check)
            with self._store.write(as_server(self._actor)) as work:
                save_statistics(work, self._images, self._statistics)
        self._log.info("pixels are read" if self._statistics else "pixels are not read")

    def draw_thumbnails(self) -> None:
        """Step 3: how the images are shown at first, and a thumbnail of each."""
        sizes = {}
        if self._wishes.thumbnails:
            for image, saved in zip(self._content.images, self._images, strict=True):
                self.check()
                views = image_views(image, self._statistics.get(image.series))[:ACTIVE_CHANNELS]
                drawn = draw(self._planes, image.series, image.size_z // 2, 0, views)
                self._thumbnails.keep(saved.getPrimaryPixels().id.val, drawn)
                sizes[image.series] = fitted(image.size_x, image.size_y)
        with self._store.write(as_server(self._actor)) as work:
            save_views(work, self._content, self._images, self._statistics, sizes)
        self._log.info(f"{len(sizes)} thumbnails are drawn")

    def launch_processing(self) -> None:
        """Step 4: nothing is indexed or scripted here."""

    def return_objects(self) -> None:
        """Step 5: the response has the objects."""
        self._log.info("done: Image:" + ",".join(str(i.id.val) for i in self._images))

    def response(self) -> Any:
        pixels = [image.getPrimaryPixels() for image in self._images]
        plates = [omero.model.PlateI(plate.id.val, False) for plate in self._plates]
        images = [_brief(image) for image in self._images]
        return omero.grid.ImportResponse(
            pixels=[_brief_pixels(p) for p in pixels], objects=[*plates, *images]
        )

    def stop(self) -> None:
        """Let go of the files."""
        self._open.close()
        self._log.info("Cleaning up import.")
        self._note_log_size()

    def _note_log_size(self) -> None:
        with self._store.write(as_server(self._actor)) as work:
            size = self._begun.log_path.stat().st_size
            work.change("OriginalFile", {self._begun.log_id: {"size": size}})


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
