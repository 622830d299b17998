"""The OME-XML of the source, made to describe the planes of the file that is written."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from xml.etree import ElementTree

from ometiff import CREATOR

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_OF_PIXELS_ELSEWHERE = ("BinData", "TiffData", "MetadataOnly")
_OF_ANY_CHANNEL = {"ID", "SamplesPerPixel"}

Element = ElementTree.Element


@dataclass(frozen=True, slots=True)
class Shape:
    """What the reader says of a series; `samples` has the colours of each channel."""

    width: int
    height: int
    z: int
    t: int
    samples: tuple[int, ...]
    pixel_type: str

    @property
    def planes(self) -> int:
        """Planes in the file: the colours of a channel share one."""
        return self.z * self.t * len(self.samples)


class Metadata:
    """The source's OME-XML, with a `Pixels` and an `Image` for each series."""

    def __init__(self, xml: str) -> None:
        ElementTree.register_namespace("", NAMESPACE)
        self._root = ElementTree.fromstring(xml)
        if not self._root.tag.startswith(f"{{{NAMESPACE}}}"):
            raise ValueError(f"OME-XML of another schema than {NAMESPACE}: {self._root.tag}")
        self._images = self._root.findall(_tag("Image"))

    def has_plates(self) -> bool:
        return self._root.find(_tag("Plate")) is not None

    def image_name(self, series: int) -> str:
        return self._images[series].get("Name", "")

    def samples(self, series: int, size_c: int, rgb: bool) -> tuple[int, ...]:
        """Colours of each channel, `size_c` in all: one each, unless it is an RGB image.

        The three colours of such an image are channels to Bio-Formats. They become one again when
        the metadata say nothing of them, which is then not lost.
        """
        channels = _pixels(self._images[series]).findall(_tag("Channel"))
        is_bare = all(
            set(channel.keys()) <= _OF_ANY_CHANNEL and not any(map(_says_something, channel))
            for channel in channels
        )
        return (3,) if rgb and size_c == 3 and is_bare else (1,) * size_c

    def text(self, shapes: dict[int, Shape]) -> str:
        """OME-XML of a file that holds these series one after the other, in XYCZT.

        Other images go, and with them what belongs to them alone; so do plates, whose wells would
        lack images. The XML has no identifier of its own: the same source gives the same bytes.
        """
        root = copy.deepcopy(self._root)
        root.attrib.pop("UUID", None)
        root.set("Creator", CREATOR)
        images = root.findall(_tag("Image"))
        first = 0
        for series, image in enumerate(images):
            if series in shapes:
                _describe(_pixels(image), shapes[series], first)
                first += shapes[series].planes
        if len(shapes) < len(images):
            _keep_only(root, [images[series] for series in shapes])
        return ElementTree.tostring(root, "unicode")


def _describe(pixels: Element, shape: Shape, first: int) -> None:
    """Say of `pixels` that its planes are `shape` and begin with page `first` of the file."""
    for name in _OF_PIXELS_ELSEWHERE:
        for element in pixels.findall(_tag(name)):
            pixels.remove(element)
    pixels.attrib.pop("Interleaved", None)
    for name, value in {
        "BigEndian": "false",
        "DimensionOrder": "XYCZT",
        "Type": shape.pixel_type,
        "SizeX": shape.width,
        "SizeY": shape.height,
        "SizeC": sum(shape.samples),
        "SizeZ": shape.z,
        "SizeT": shape.t,
    }.items():
        pixels.set(name, str(value))
    channels = pixels.findall(_tag("Channel"))
    for channel in channels[len(shape.samples) :]:
        pixels.remove(channel)
    for number, samples in enumerate(shape.samples):
        if number < len(channels):
            channel = channels[number]
        else:
            identity = f"{pixels.get('ID', 'Pixels')}:added:{number}".replace("Pixels", "Channel")
            channel = Element(_tag("Channel"), {"ID": identity})
            pixels.insert(number, channel)
        channel.set("SamplesPerPixel", str(samples))
    data = Element(_tag("TiffData"), {"IFD": str(first), "PlaneCount": str(shape.planes)})
    pixels.insert(len(shape.samples), data)


def _keep_only(root: Element, kept: list[Element]) -> None:
    for image in root.findall(_tag("Image")):
        if image not in kept:
            root.remove(image)
    for plate in root.findall(_tag("Plate")) + root.findall(_tag("Screen")):
        root.remove(plate)
    wanted = {reference.get("ID") for image in kept for reference in image.findall(_tag("ROIRef"))}
    for roi in root.findall(_tag("ROI")):
        if roi.get("ID") not in wanted:
            root.remove(roi)
    ids = {image.get("ID") for image in kept}
    for dataset in root.findall(_tag("Dataset")):
        for reference in dataset.findall(_tag("ImageRef")):
            if reference.get("ID") not in ids:
                dataset.remove(reference)


def _says_something(element: Element) -> bool:
    return bool(element.attrib or len(element) or (element.text or "").strip())


def _pixels(image: Element) -> Element:
    pixels = image.find(_tag("Pixels"))
    if pixels is None:
        raise ValueError(f"the metadata of image {image.get('Name')!r} have no Pixels")
    return pixels


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
