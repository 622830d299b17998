"""Which runtime runs a converter on this machine, and what its image is now."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.conversion import images, runtimes
from ingest.conversion.images import Image
from ingest.conversion.options import Converter
from ingest.conversion.runtimes import Runtime
from ingest.fileset import StageError


def choose(converter: Converter, results: Path) -> tuple[Runtime, Image]:
    """The runtime that the converter names, or the first that works for `auto`, with its image.

    Raises StageError when none does, with what each one said.
    """
    if converter.runtime == "host":
        return Runtime("host"), Image("", "", "")
    said = []
    names = runtimes.suitable(converter)
    for name in names:
        if not runtimes.program(name):
            said.append(f"{name}: it is not installed")
            continue
        try:
            image = images.pinned(name, converter.image, results)
        except StageError as error:
            if len(names) == 1:
                raise
            said.append(f"{name}: {error.cause}")
            continue
        found = runtimes.probe(name, image.used)
        if isinstance(found, Runtime):
            return found, image
        said.append(f"{name}: {found}")
    raise StageError(
        f"no container can be run on {os.uname().nodename} from the image {converter.image}: "
        + "; ".join(said),
        "Install apptainer or podman there, or correct the converter's `image` and `runtime`, and "
        "run the same command again.",
    )
