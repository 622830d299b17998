"""The options of orders."""

from __future__ import annotations

from pydantic import Field

from ingest.config_types import FilePath, Section
from ingest.conversion.options import ConverterName


class Orders(Section):
    """Orders from OMERO.biomero's web page (docs/orders.md). The address of their database contains
    a password, so it comes from INGEST_TRACKING_DB_URL."""

    enabled: bool = Field(default=False, description="Whether `make watch` takes orders.")
    paths: dict[str, FilePath] = Field(
        default={},
        description="Where this machine has the folders that the web page names: {/data: "
        "/mnt/microscopes}. Folders not listed have the same path here.",
    )
    converters: dict[str, ConverterName] = Field(
        default={},
        description="The converter to use for an order's container: "
        "{cellularimagingcf/convertleica-docker:v1.2.0: leica}. A container that is the image of "
        "a converter with the contract biomero need not be listed.",
    )
