"""omero::api::ThumbnailStore."""

from __future__ import annotations

from typing import Any

import omero
from omero.rtypes import unwrap

from omero_embedded.pixels.settings import (
    active_views,
    ensure_settings,
    find_settings,
    reset_settings,
    settings_by_id,
)
from omero_embedded.pixels.source import Readers, find_source
from omero_embedded.pixels.thumbnails import SIZE, Thumbnails, draw
from omero_embedded.repository.files import Repository
from omero_embedded.sessions.acting import actor_of
from omero_embedded.sessions.servant_map import Stateful
from omero_embedded.store import Actor
from omero_embedded.wire import errors
from omero_embedded.wire.requestlog import LOG
from omero_embedded.wire.servants import Call


class ThumbnailStore(Stateful):
    def __init__(self, repository: Repository, readers: Readers, thumbnails: Thumbnails) -> None:
        self._repository = repository
        self._readers = readers
        self._thumbnails = thumbnails
        self._pixels_id: int | None = None
        self._settings: Any = None

    def setPixelsId(self, call: Call, pixels_id: int) -> bool:
        """False when nobody has rendering settings for these pixels yet."""
        actor = actor_of(call)
        find_source(self._repository, actor, pixels_id)
        with self._repository.store.read(actor) as work:
            self._settings = find_settings(work, pixels_id)
        self._pixels_id = pixels_id
        return self._settings is not None

    def setRenderingDefId(self, call: Call, settings_id: int) -> None:
        with self._repository.store.read(actor_of(call)) as work:
            found = settings_by_id(work, settings_id)
        if found is None:
            raise errors.validation(f"there is no RenderingDef {settings_id}")
        self._settings = found

    def getRenderingDefId(self, call: Call) -> int:
        if self._settings is None:
            raise errors.api_usage("no rendering settings are set: call resetDefaults")
        return int(self._settings.id.val)

    def isInProgress(self, call: Call) -> bool:
        return False

    def resetDefaults(self, call: Call) -> None:
        pixels_id = self._chosen()
        with self._repository.store.write(actor_of(call)) as work:
            self._settings = reset_settings(work, pixels_id)
        self._thumbnails.forget(pixels_id)

    def thumbnailExists(self, call: Call, width: Any, height: Any) -> bool:
        longest = max(unwrap(width) or 0, unwrap(height) or 0) or SIZE
        return self._thumbnails.find(self._chosen(), longest) is not None

    def getThumbnail(self, call: Call, width: Any, height: Any) -> bytes:
        return self._draw(call, self._chosen(), (unwrap(width) or SIZE, unwrap(height) or SIZE))

    def getThumbnailDirect(self, call: Call, width: Any, height: Any) -> bytes:
        return self.getThumbnail(call, width, height)

    def getThumbnailWithoutDefault(self, call: Call, width: Any, height: Any) -> bytes:
        return self.getThumbnail(call, width, height)

    def getThumbnailByLongestSide(self, call: Call, size: Any) -> bytes:
        return self._by_longest_side(call, self._chosen(), unwrap(size) or SIZE)

    def getThumbnailByLongestSideDirect(self, call: Call, size: Any) -> bytes:
        return self._draw(call, self._chosen(), unwrap(size) or SIZE)

    def getThumbnailForSectionDirect(
        self, call: Call, z: int, t: int, width: Any, height: Any
    ) -> bytes:
        size = (unwrap(width) or SIZE, unwrap(height) or SIZE)
        return self._draw(call, self._chosen(), size, (z, t))

    def getThumbnailForSectionByLongestSideDirect(
        self, call: Call, z: int, t: int, size: Any
    ) -> bytes:
        return self._draw(call, self._chosen(), unwrap(size) or SIZE, (z, t))

    def getThumbnailByLongestSideSet(
        self, call: Call, size: Any, pixels_ids: list[int]
    ) -> dict[int, bytes]:
        """Thumbnails of all of these pixels that the user may see and that can be read."""
        found = {}
        self._settings = None
        for pixels_id in pixels_ids:
            try:
                found[pixels_id] = self._by_longest_side(call, pixels_id, unwrap(size) or SIZE)
            except (omero.ValidationException, omero.ResourceError) as error:
                LOG.info("no thumbnail of Pixels %s: %s", pixels_id, error.message)
        return found

    def getThumbnailSet(
        self, call: Call, width: Any, height: Any, pixels_ids: list[int]
    ) -> dict[int, bytes]:
        return self.getThumbnailByLongestSideSet(call, width, pixels_ids)

    def createThumbnails(self, call: Call) -> None:
        self._by_longest_side(call, self._chosen(), SIZE)

    def createThumbnail(self, call: Call, width: Any, height: Any) -> None:
        self._by_longest_side(call, self._chosen(), SIZE)

    def createThumbnailsByLongestSideSet(
        self, call: Call, size: Any, pixels_ids: list[int]
    ) -> None:
        self.getThumbnailByLongestSideSet(call, size, pixels_ids)

    def _chosen(self) -> int:
        if self._pixels_id is None:
            raise errors.api_usage("thumbnails of which pixels? Call setPixelsId first")
        return self._pixels_id

    def _by_longest_side(self, call: Call, pixels_id: int, size: int) -> bytes:
        """The kept picture when there is one that the user may see, else a new one to keep."""
        find_source(self._repository, actor_of(call), pixels_id)
        known = self._thumbnails.find(pixels_id, size)
        if known is None:
            known = self._draw(call, pixels_id, size)
            self._thumbnails.keep(pixels_id, known, size)
        return known

    def _draw(
        self,
        call: Call,
        pixels_id: int,
        size: int | tuple[int, int],
        section: tuple[int, int] | None = None,
    ) -> bytes:
        actor = actor_of(call)
        source = find_source(self._repository, actor, pixels_id)
        settings = self._settings_of(actor, pixels_id)
        z, t = section or (unwrap(settings.defaultZ), unwrap(settings.defaultT))
        with self._readers.reader(source) as planes:
            return draw(planes, source.series, z, t, active_views(settings), size)

    def _settings_of(self, actor: Actor, pixels_id: int) -> Any:
        if self._settings is not None and self._settings.pixels.id.val == pixels_id:
            return self._settings
        with self._repository.store.write(actor) as work:
            return ensure_settings(work, pixels_id)
