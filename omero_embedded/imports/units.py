"""Quantities as OMERO keeps them."""

from __future__ import annotations

from functools import cache
from typing import Any

import omero
import omero.model
import omero.model.enums

from imageformats.model import Quantity


def length(quantity: Quantity | None) -> Any:
    """omero.model.LengthI; None when there is no value, or none that OMERO has a unit for."""
    return _quantity(omero.model.LengthI, omero.model.enums.UnitsLength, quantity)


def time(quantity: Quantity | None) -> Any:
    """omero.model.TimeI, or None."""
    return _quantity(omero.model.TimeI, omero.model.enums.UnitsTime, quantity)


def _quantity(implementation: Any, units: Any, quantity: Quantity | None) -> Any:
    if quantity is None:
        return None
    name = _names(implementation).get(quantity.unit)
    return None if name is None else implementation(quantity.value, getattr(units, name))


@cache
def _names(implementation: Any) -> dict[str, str]:
    """Symbol -> OMERO's name of the unit: "µm" -> "MICROMETER"."""
    return {symbol: name for name, symbol in implementation.SYMBOLS.items()}
