"""The options of an import as texts, in a manifest's cell or in the configuration, to values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, get_args

from ingest.fileset import BadText

OmeroAlgorithm = Literal[
    "Adler-32", "CRC-32", "File-Size-64", "MD5-128", "Murmur3-32", "Murmur3-128", "SHA1-160"
]
ChecksumAlgorithm = Literal[OmeroAlgorithm, "auto"]
Exclusion = Literal["clientpath", "filename"]

LARGEST_ID = 2**63 - 1
# The server takes annotations in these for orders to itself.
ORDERS = "openmicroscopy.org/omero/import/"

_ID = re.compile("[0-9]{1,30}")
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_PIXEL_SIZE = re.compile(rf"({_NUMBER})(?:\s*[x×]\s*({_NUMBER})\s*[x×]\s*({_NUMBER}))?", re.I)
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


def is_id(text: str) -> bool:
    """Whether a text is the number of an object in OMERO."""
    # Python makes no number of more than 4,300 digits.
    return bool(_ID.fullmatch(text)) and 0 < int(text) <= LARGEST_ID


def yes_no(text: str) -> bool:
    """Raises BadText, as all functions here do."""
    try:
        return _YES_NO[text.lower()]
    except KeyError:
        raise BadText(f"{text!r} is neither yes nor no", "Write yes or no.") from None


@lru_cache
def pixel_size(text: str) -> tuple[float, ...]:
    """`XxYxZ`, or one number for all three, in micrometres; () when the text is empty."""
    if not text:
        return ()
    found = _PIXEL_SIZE.fullmatch(text.strip())
    sizes = tuple(float(number) for number in found.groups() if number) if found else ()
    if not sizes or not all(0 < size < float("inf") for size in sizes):
        raise BadText(
            f"{text!r} is not a pixel size",
            "Write three numbers of micrometres above 0 like 0.65x0.65x2, or one for all three; "
            "OMERO takes three or none.",
        )
    return sizes if len(sizes) == 3 else sizes * 3


@lru_cache
def annotation_ids(text: str) -> tuple[int, ...]:
    """Ids separated by `;`, each once."""
    ids = []
    for entry in _entries(text):
        if not is_id(entry):
            raise BadText(
                f"{entry!r} is not the id of an annotation",
                "Write the ids of annotations that are in OMERO, separated by ';', like 12;15.",
            )
        ids.append(int(entry))
    return tuple(dict.fromkeys(ids))


@lru_cache
def exclusions(text: str) -> tuple[Exclusion, ...]:
    """Names separated by `;`; `none` alone (and an empty text) means no exclusion."""
    if text.strip().lower() == "none":
        return ()
    known: dict[str, Exclusion] = {name: name for name in get_args(Exclusion)}
    chosen = []
    for entry in _entries(text):
        if entry not in known:
            raise BadText(
                f"{entry!r} is not an exclusion", "Write clientpath, filename, both or none."
            )
        chosen.append(known[entry])
    return tuple(dict.fromkeys(chosen))


def checksum_algorithm(text: str) -> ChecksumAlgorithm:
    """Capital letters do not matter."""
    # A nested Literal is flat: OMERO's seven and auto.
    names: dict[str, ChecksumAlgorithm] = {
        name.lower(): name for name in get_args(ChecksumAlgorithm)
    }
    try:
        return names[text.lower()]
    except KeyError:
        raise BadText(
            f"{text!r} is not a checksum algorithm of OMERO's",
            f"Write one of {', '.join(get_args(ChecksumAlgorithm))}.",
        ) from None


# By the manifest's column, and the field of a Fileset.
PARSERS: Mapping[str, Callable[[str], Any]] = {
    "checksum_algorithm": checksum_algorithm,
    "thumbnails": yes_no,
    "minmax": yes_no,
    "pixel_size": pixel_size,
    "annotations": annotation_ids,
    "exclude": exclusions,
}


@lru_cache(maxsize=4096)
def parsed(*texts: str) -> Mapping[str, Any]:
    """The values of an import's options, by name, from their texts in the order of PARSERS.

    Rows that have the same texts, which is most of them, share one mapping.
    """
    return {name: parse(text) for (name, parse), text in zip(PARSERS.items(), texts, strict=True)}


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(";") if entry.strip()]
