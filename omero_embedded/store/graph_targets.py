"""Which types OMERO.server's graph requests start from, heirs included.

As its Spring configuration lists them (ome/omero-blitz, ome/services/graph-rules/*.xml).
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MOVED = _names(
    "Annotation Dataset Experiment Fileset Folder Image Instrument Job Link OriginalFile Plate"
    " Project RenderingDef Roi Screen Thumbnail"
)
GIVEN = MOVED | _names(
    "DatasetImageLink FolderImageLink FolderRoiLink JobOriginalFileLink ProjectDatasetLink Reagent"
    " ScreenPlateLink WellReagentLink"
)
FOUND = GIVEN | _names(
    "AffineTransform Channel ChannelBinding CodomainMapContext ExternalInfo FilesetEntry"
    " FilesetJobLink LogicalChannel MicrobeamManipulation Pixels PixelsOriginalFileMap PlaneInfo"
    " PlateAcquisition ProjectionDef QuantumDef Shape StatsInfo Well WellSample"
)
DELETED = GIVEN | _names(
    "AffineTransform Channel DetectorSettings ExternalInfo FilesetJobLink"
    " FilterSetEmissionFilterLink FilterSetExcitationFilterLink GroupExperimenterMap"
    " ImagingEnvironment LightPathEmissionFilterLink LightPathExcitationFilterLink LightSettings"
    " LogicalChannel MicrobeamManipulation Microscope Namespace ObjectiveSettings"
    " PixelsOriginalFileMap PlateAcquisition ProjectionDef Shape ShareMember StageLabel StatsInfo"
    " TransmittanceRange Well WellSample"
)
