"""The fields that REMBI recommends for images in the life sciences, and which a study has.

Sarkans et al., "REMBI: Recommended Metadata for Biological Images", Nature Methods 18 (2021): of
its modules those that tell one image from another, each field by the names that people give it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

FIELDS: Mapping[str, tuple[str, ...]] = {
    "Biosample: organism": ("organism", "species", "taxon", "ncbi taxon"),
    "Biosample: biological entity": (
        "biological entity", "cell line", "cell type", "tissue", "organism part", "organ", "strain",
    ),
    "Biosample: variables": (
        "intrinsic variable", "extrinsic variable", "experimental variable", "treatment",
        "compound", "compound name", "dose", "genotype", "phenotype", "gene symbol",
        "gene identifier", "sirna identifier", "antibody target", "condition", "disease",
    ),
    "Specimen: preparation": (
        "sample preparation", "preparation method", "specimen preparation", "fixation", "staining",
        "protocol", "labelling", "growth protocol", "growth media",
    ),
    "Image acquisition: imaging method": (
        "imaging method", "microscopy", "modality", "assay name", "imaging modality",
    ),
    "Image acquisition: instrument": (
        "imaging instrument", "instrument", "microscope", "objective",
    ),
    "Image data: channels": ("channels", "channel", "dimension extents", "fluorophore", "stain"),
}  # fmt: skip

_NOT_WORDS = re.compile(r"[^a-z0-9]+")


def missing_fields(keys: Iterable[str]) -> list[str]:
    """The recommended fields that none of these keys stands for."""
    said = {_NOT_WORDS.sub(" ", key.lower()).strip() for key in keys}
    return [field for field, names in FIELDS.items() if not said.intersection(names)]
