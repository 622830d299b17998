"""Whether a fileset is a plate: what OMERO makes a Plate of, and a Screen can hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from imageformats.jvm import java_class
from imageformats.readers import GROUPING, image_reader, java_errors, open_file, reader_class

# They describe a plate when there is one and do not count themselves among the formats of plates.
UNDECLARED = frozenset(
    f"loci.formats.in.{name}"
    for name in ("CellH5Reader", "FakeReader", "MetaxpressTiffReader", "ZeissCZIReader")
)

# The ends of file names that no reader of plates asks for, and some other reader does. Whatever is
# not among them has to be opened. A test compares them with what Bio-Formats says of its readers.
# An element that makes it a plate, or one that says that the metadata are in another file.
_PLATE_OR_ELSEWHERE = re.compile(r"<(\w+:)?(Plate|BinaryOnly)\b")
_OME_TIFF = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf")
_SUFFIXES = """
    1sc 2fl acff afi afm aiix aim aisf al3d ali am amiramesh ano apl arf atsf avi bif bin bip
    bmp cfg cif cr2 crw csv cxd dcm df3 dic dicom dm2 dm3 dm4 dti dv env eps epsi ets fdf fff
    ffr fits fli frm fts gel gif grey gz h5 hdf hdr hed his htm html hx i2i ics ids im3 ima img
    ims inf inr ipl ipm ips ipw j2k j2ki j2kr jp2 jpe jpeg jpf jpg jpk jpx klb l2d labels lei
    lif liff lim lms lof lsm lut map mdb mnc mng mod mov mrc mrcs mrw msr mtb mvd2 naf nd2 ndpi
    ndpis nef nhdr nii nrrd obf oib oif oir omp2info par pbm pcoraw pct pcx pgm pic pict png
    ppm pr3 ps psd pst pty qptiff r3d r3d_d3d raw rcpnl rec scn sdt seq set sif sld sldy sm2
    sm3 spc spe spi spl st stp svs sxm tfr tga thm tim tnb top v vff vms vsi vws wat wav xlef
    xqd xqf xv xys zfp zfr zpo zvi
"""
_NEVER = frozenset(_SUFFIXES.split())


def is_plate(reader: Any, path: str) -> bool:
    """Whether the open fileset is a plate. Raises UnreadableImage."""
    with java_errors(path):
        name = reader_class(reader)
        domains = {str(domain) for domain in reader.getDomains()}
        declared = str(java_class("loci.formats.FormatTools").HCS_DOMAIN) in domains
    return declared or (name in UNDECLARED and _describes_plates(path))


def cannot_be_plate(path: str) -> bool:
    """Whether the file that is opened first rules a plate out, by its name or its OME-XML.

    Needs no JVM and reads little. Raises OSError.
    """
    if path.lower().endswith(_OME_TIFF):
        return _ome_xml_has_no_plate(path)
    return Path(path).suffix[1:].lower() in _NEVER


def _ome_xml_has_no_plate(path: str) -> bool:
    import tifffile  # loads numpy, which few processes need

    try:
        with tifffile.TiffFile(path) as tiff:
            text = tiff.pages.first.description
    except OSError:
        raise
    except Exception:  # a damaged file may raise anything; Bio-Formats will say what is wrong
        return False
    return "<OME" in text and _PLATE_OR_ELSEWHERE.search(text) is None


def _describes_plates(path: str) -> bool:
    with image_reader(GROUPING) as reader:
        with java_errors(path):
            metadata = java_class("loci.formats.MetadataTools").createOMEXMLMetadata()
        open_file(reader, path, metadata)
        with java_errors(path):
            return int(metadata.getPlateCount()) > 0
