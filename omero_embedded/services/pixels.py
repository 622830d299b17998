"""omero::api::IPixels and IRenderingSettings: pixels, and how they are shown."""

from __future__ import annotations

from typing import Any

from omero.rtypes import rlist, rlong, unwrap

from omero_embedded.model.enumerations import BIT_SIZES
from omero_embedded.pixels.settings import find_settings, reset_settings, settings_by_id
from omero_embedded.pixels.thumbnails import Thumbnails
from omero_embedded.services.contents import IMAGES_IN
from omero_embedded.services.new_images import NewImages
from omero_embedded.services.types import Types
from omero_embedded.sessions.acting import actor_of
from omero_embedded.store import Store
from omero_embedded.wire import errors
from omero_embedded.wire.servants import Call

_DESCRIPTION = (
    "select p from Pixels p join fetch p.pixelsType join fetch p.dimensionOrder"
    " join fetch p.image left outer join fetch p.channels c"
    " left outer join fetch c.logicalChannel l left outer join fetch c.statsInfo"
    " left outer join fetch l.photometricInterpretation left outer join fetch l.illumination"
    " left outer join fetch l.mode left outer join fetch l.contrastMethod where p.id = :id"
)


class Pixels(NewImages):
    def __init__(self, store: Store, types: Types) -> None:
        super().__init__(store)
        self._types = types

    def retrievePixDescription(self, call: Call, pixels_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            found = work.query(_DESCRIPTION, {"id": pixels_id})
        return found[0] if found else None

    def retrieveRndSettings(self, call: Call, pixels_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            return find_settings(work, pixels_id)

    def retrieveAllRndSettings(self, call: Call, pixels_id: int, user_id: int) -> list[Any]:
        """All settings of pixels; a negative user id means everyone's."""
        with self._store.read(actor_of(call)) as work:
            ids = [d.id.val for d in work.find_by("RenderingDef", pixels=pixels_id)]
            found = [settings_by_id(work, settings_id) for settings_id in ids]
            wanted = [d for d in found if d and user_id in (-1, d.details.owner.id.val)]
            for settings in wanted:
                owner_id = settings.details.owner.id.val
                settings.details.owner = work.get("Experimenter", owner_id)
        return wanted

    def loadRndSettings(self, call: Call, settings_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            return settings_by_id(work, settings_id)

    def saveRndSettings(self, call: Call, settings: Any) -> None:
        with self._store.write(actor_of(call)) as work:
            work.save(settings)

    def getBitDepth(self, call: Call, pixels_type: Any) -> int:
        return int(BIT_SIZES[str(unwrap(pixels_type.value))])

    def getEnumeration(self, call: Call, kind: str, value: str) -> Any:
        return self._types.getEnumeration(call, kind, value)

    def getAllEnumerations(self, call: Call, kind: str) -> list[Any]:
        return self._types.allEnumerations(call, kind)


class RenderingSettings:
    def __init__(self, store: Store, thumbnails: Thumbnails) -> None:
        self._store = store
        self._thumbnails = thumbnails

    def getRenderingSettings(self, call: Call, pixels_id: int) -> Any:
        with self._store.read(actor_of(call)) as work:
            return find_settings(work, pixels_id)

    def resetDefaultsInSet(self, call: Call, kind: str, ids: list[int]) -> list[int]:
        """Ids of the images whose settings are now the rules'."""
        name = kind.rpartition(".")[2].rpartition(":")[2]
        if name == "Pixels":
            condition = "p.id in (:ids)"
        elif name in IMAGES_IN:
            condition = f"p.image.id in (select i.id from Image i where {IMAGES_IN[name]})"
        else:
            raise errors.api_usage(f"settings of a {kind} cannot be reset here")
        with self._store.write(actor_of(call)) as work:
            rows = unwrap(
                work.projection(
                    f"select p.id, p.image.id from Pixels p where {condition}",
                    {"ids": rlist([rlong(number) for number in ids])},
                )
            )
            for pixels_id, _image_id in rows:
                reset_settings(work, pixels_id)
        for pixels_id, _image_id in rows:
            self._thumbnails.forget(pixels_id)
        return [image_id for _pixels_id, image_id in rows]

    def resetMinMaxInSet(self, call: Call, kind: str, ids: list[int]) -> list[int]:
        return self.resetDefaultsInSet(call, kind, ids)

    def resetDefaultsByOwnerInSet(self, call: Call, kind: str, ids: list[int]) -> list[int]:
        return self.resetDefaultsInSet(call, kind, ids)

    def setOriginalSettingsInSet(self, call: Call, kind: str, ids: list[int]) -> list[int]:
        return self.resetDefaultsInSet(call, kind, ids)

    def resetDefaultsInImage(self, call: Call, image_id: int) -> None:
        self.resetDefaultsInSet(call, "Image", [image_id])

    def resetDefaultsForPixels(self, call: Call, pixels_id: int) -> None:
        self.resetDefaultsInSet(call, "Pixels", [pixels_id])

    def resetDefaultsInDataset(self, call: Call, dataset_id: int) -> list[int]:
        return self.resetDefaultsInSet(call, "Dataset", [dataset_id])
