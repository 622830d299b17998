"""Model objects for tests, as an importing client or the server builds them."""

from __future__ import annotations

from typing import Any

import omero
import omero.all
from omero.rtypes import rdouble, rint, rlong, rstring, rtime


def named(name: str, text: str) -> Any:
    """A new object with a name."""
    built = getattr(omero.model, name + "I")()
    built.setName(rstring(text))
    return built


def proxy(name: str, object_id: int) -> Any:
    return getattr(omero.model, name + "I")(object_id, False)


def enumeration(name: str, value: str) -> Any:
    built = getattr(omero.model, name + "I")()
    built.setValue(rstring(value))
    return built


def image(name: str, channels: int = 2) -> Any:
    """An image with pixels and channels."""
    pixels = omero.model.PixelsI()
    pixels.setSha1(rstring("pending"))
    pixels.setPixelsType(enumeration("PixelsType", "uint16"))
    pixels.setDimensionOrder(enumeration("DimensionOrder", "XYZCT"))
    for size in "XYZCT":
        getattr(pixels, "setSize" + size)(rint(channels if size == "C" else 4))
    pixels.setPhysicalSizeX(omero.model.LengthI(0.25, "MICROMETER"))
    for number in range(channels):
        logical = omero.model.LogicalChannelI()
        logical.setName(rstring(f"channel {number}"))
        logical.setEmissionWave(omero.model.LengthI(500.0 + number, "NANOMETER"))
        channel = omero.model.ChannelI()
        channel.setLogicalChannel(logical)
        channel.setStatsInfo(omero.model.StatsInfoI())
        channel.getStatsInfo().setGlobalMin(rdouble(0.0))
        channel.getStatsInfo().setGlobalMax(rdouble(9.0))
        pixels.addChannel(channel)
    built = named("Image", name)
    built.addPixels(pixels)
    return built


def upload_job() -> Any:
    job = omero.model.UploadJobI()
    job.setVersionInfo([omero.model.NamedValue("bioformats.reader", "a.Reader")])
    for field in ("username", "groupname", "type", "message"):
        getattr(job, "set" + field.capitalize())(rstring(field))
    job.setStatus(enumeration("JobStatus", "Submitted"))
    job.setSubmitted(rtime(1))
    job.setScheduledFor(rtime(1))
    return job


def original_file(name: str) -> Any:
    built = named("OriginalFile", name)
    built.setPath(rstring("ann_2/"))
    built.setSize(rlong(36))
    built.setHash(rstring("00"))
    built.setHasher(enumeration("ChecksumAlgorithm", "Murmur3-128"))
    built.setMimetype(rstring("application/octet-stream"))
    return built


def fileset(files: list[str], images: list[Any]) -> Any:
    """A fileset of these files with these images, an upload job and its log file."""
    built = omero.model.FilesetI()
    built.setTemplatePrefix(rstring("ann_2/"))
    for name in files:
        entry = omero.model.FilesetEntryI()
        entry.setClientPath(rstring("data/" + name))
        entry.setOriginalFile(original_file(name))
        built.addFilesetEntry(entry)
    job = upload_job()
    job.linkOriginalFile(original_file("import.log"))
    built.linkJob(job)
    for each in images:
        built.addImage(each)
    return built


def plate(name: str, images: list[Any]) -> Any:
    """A plate of one-field wells, one for each image."""
    built = named("Plate", name)
    for number, each in enumerate(images):
        well = omero.model.WellI()
        well.setRow(rint(0))
        well.setColumn(rint(number))
        sample = omero.model.WellSampleI()
        sample.setImage(each)
        well.addWellSample(sample)
        built.addWell(well)
    return built


def map_annotation(ns: str, **pairs: str) -> Any:
    built = omero.model.MapAnnotationI()
    built.setNs(rstring(ns))
    built.setMapValue([omero.model.NamedValue(key, value) for key, value in pairs.items()])
    return built


def text_annotation(kind: str, text: str) -> Any:
    built = getattr(omero.model, kind + "AnnotationI")()
    built.setTextValue(rstring(text))
    return built
