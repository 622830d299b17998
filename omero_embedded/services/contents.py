"""Which images lie in what: HQL conditions on an image `i`, by the kind of its container."""

from __future__ import annotations

IMAGES_IN = {
    "Image": "i.id in (:ids)",
    "Dataset": "i.id in (select x.child.id from DatasetImageLink x where x.parent.id in (:ids))",
    "Project": "i.id in (select x.child.id from DatasetImageLink x where x.parent.id in"
    " (select y.child.id from ProjectDatasetLink y where y.parent.id in (:ids)))",
    "Well": "i.id in (select s.image.id from WellSample s where s.well.id in (:ids))",
    "Plate": "i.id in (select s.image.id from WellSample s where s.well.plate.id in (:ids))",
    "Screen": "i.id in (select s.image.id from WellSample s where s.well.plate.id in"
    " (select y.child.id from ScreenPlateLink y where y.parent.id in (:ids)))",
    "Fileset": "i.fileset.id in (:ids)",
}
