"""What OMERO deletes along with an object: the relations of its graph, as its server follows them.

A relation is named by a type and a field, a reference or a collection.
"""

from __future__ import annotations

Relation = tuple[str, str]

# Part of the whole: goes with it.
CONTAINED: tuple[Relation, ...] = (
    ("Fileset", "images"),
    ("Fileset", "usedFiles"),
    ("Fileset", "jobLinks"),
    ("FilesetJobLink", "child"),
    ("Image", "pixels"),
    ("Pixels", "channels"),
    ("Pixels", "planeInfo"),
    ("Pixels", "settings"),
    ("Pixels", "thumbnails"),
    ("RenderingDef", "projections"),
    ("RenderingDef", "quantization"),
    ("RenderingDef", "waveRendering"),
    ("ChannelBinding", "spatialDomainEnhancement"),
    ("LogicalChannel", "channels"),
    ("Roi", "shapes"),
    ("Plate", "wells"),
    ("Plate", "plateAcquisitions"),
    ("PlateAcquisition", "wellSample"),
    ("Well", "wellSamples"),
    ("Instrument", "detector"),
    ("Instrument", "dichroic"),
    ("Instrument", "filter"),
    ("Instrument", "filterSet"),
    ("Instrument", "lightSource"),
    ("Instrument", "microscope"),
    ("Instrument", "objective"),
    ("Instrument", "otf"),
    ("Filter", "transmittanceRange"),
    ("Experiment", "microbeamManipulation"),
)

# Content that may be in other containers too: goes with the last of them. The links are deleted
# with either end; a link that is deleted by itself takes nothing along.
CONTENTS: tuple[Relation, ...] = (
    ("Project", "datasetLinks"),
    ("Dataset", "imageLinks"),
    ("Folder", "imageLinks"),
    ("Folder", "roiLinks"),
    ("Screen", "plateLinks"),
    ("Well", "reagentLinks"),
)

# Shared: goes with the last object that uses it.
SHARED: tuple[Relation, ...] = (
    ("WellSample", "image"),
    ("Screen", "reagents"),
    ("Folder", "childFolders"),
    ("Image", "rois"),
    ("Image", "instrument"),
    ("Image", "objectiveSettings"),
    ("Image", "imagingEnvironment"),
    ("Image", "stageLabel"),
    ("Image", "experiment"),
    ("Channel", "logicalChannel"),
    ("Channel", "statsInfo"),
    ("LogicalChannel", "detectorSettings"),
    ("LogicalChannel", "lightSourceSettings"),
    ("LogicalChannel", "lightPath"),
    ("Shape", "transform"),
    ("FilesetEntry", "originalFile"),
    ("JobOriginalFileLink", "child"),
    ("PixelsOriginalFileMap", "parent"),
    ("Roi", "source"),
    ("Annotation", "file"),
)

# Goes with what it belongs to, or leads to, whoever owns it.
WHOEVER_OWNS_IT = (
    "Thumbnail",
    "RenderingDef",
    "StatsInfo",
    "ExternalInfo",
    "OriginalFile",
    "BooleanAnnotation",
    "DoubleAnnotation",
    "LongAnnotation",
    "TermAnnotation",
    "TimestampAnnotation",
    "CommentAnnotation",
)

# An annotation goes with the last object it is on. Those that are meant to be shared only when the
# object itself went and had the same owner.
MEANT_TO_BE_SHARED = ("TagAnnotation", "FileAnnotation")

# Must not be left without what they hold: their holder's deletion is needed for it.
HELD_FAST: tuple[Relation, ...] = (
    ("WellSample", "image"),
    ("FilesetEntry", "originalFile"),
)
