"""What the importing user asked for: omero.grid.ImportSettings in plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import omero
import omero.model
from omero.rtypes import rstring, unwrap

from omero_embedded.imports.importlog import ImportLog
from omero_embedded.store import Work
from omero_embedded.wire import errors

_IMPORT = "openmicroscopy.org/omero/import/"
_AUTO_CLOSE = _IMPORT + "autoClose"
_TARGET_TEMPLATE = _IMPORT + "targetTemplate"


@dataclass(frozen=True)
class Wishes:
    """`target` is the client's Dataset or Screen, None when it named none."""

    target: Any
    name: str | None
    description: str | None
    pixel_sizes: tuple[float, ...]
    annotations: tuple[Any, ...]
    thumbnails: bool
    statistics: bool

    @classmethod
    def of(cls, settings: Any) -> Wishes:
        name = unwrap(settings.userSpecifiedName)
        sizes = tuple(settings.userSpecifiedPixels or ())
        return cls(
            target=settings.userSpecifiedTarget,
            name=(name or "").strip() or None,
            description=unwrap(settings.userSpecifiedDescription),
            pixel_sizes=sizes if len(sizes) >= 3 else (),
            annotations=tuple(_annotations(settings)),
            thumbnails=unwrap(settings.doThumbnails) is not False,
            statistics=unwrap(settings.noStatsInfo) is not True,
        )


def closes_itself(settings: Any) -> bool:
    """Whether the server is to close the handle and the process of the import at its end."""
    return any(a.isLoaded() and unwrap(a.ns) == _AUTO_CLOSE for a in _annotations(settings))


def _annotations(settings: Any) -> Iterable[Any]:
    if settings is None:
        return ()
    return (a for a in settings.userSpecifiedAnnotationList or () if a is not None)


def with_template_target(work: Work, wishes: Wishes, is_plate: bool, log: ImportLog) -> Wishes:
    """The wishes with the target that an annotation's template asks for, when there is one.

    The last saved of such annotations counts, and an explicit target before all. What does not
    match is noted in the log and goes without a target. Raises omero.ValidationException for a
    template that is no pattern or has no group Container1.
    """
    template = _template_of(work, wishes.annotations)
    if template is None:
        return wishes
    if wishes.target is not None:
        log.error(f"a target is given: the template {template.textValue.val} is not used")
        return wishes
    found = _target(work, unwrap(template.textValue), unwrap(template.description), is_plate, log)
    return replace(wishes, target=found)


def _template_of(work: Work, annotations: Iterable[Any]) -> Any | None:
    ids = {a.id.val for a in annotations if a.id is not None}
    templates = work.find_by("CommentAnnotation", ns=_TARGET_TEMPLATE) if ids else []
    return max((a for a in templates if a.id.val in ids), key=lambda a: a.id.val, default=None)


def _target(
    work: Work, text: str, folder: str | None, is_plate: bool, log: ImportLog
) -> Any | None:
    """The newest or oldest container of the name that the pattern finds in the client's folder,
    or a new one. `text` is `regex:<discriminator>:<pattern>`."""
    discriminator, pattern = _parts(text)
    try:
        match = re.fullmatch(_python_pattern(pattern), folder or "")
        name = "" if match is None else (match["Container1"] or "").strip()
    except (re.error, IndexError) as error:
        raise errors.validation(f"{pattern!r} is no template for a target: {error}") from error
    if not name:
        log.warn(f"no target: {pattern!r} does not match {folder!r}")
        return None
    if re.fullmatch(r"[-+%@]?name", discriminator) is None:
        log.warn(f"no target: there is no discriminator {discriminator!r}")
        return None
    kind = "Screen" if is_plate else "Dataset"
    order = "" if discriminator.startswith("-") else " desc"
    hql = f"select o from {kind} o where o.name = :name order by o.id{order}"
    known = [] if discriminator.startswith("@") else work.query(hql, {"name": name})
    linkable = [o for o in known if o.details.permissions.canLink()]
    if discriminator.startswith("%") and len(linkable) > 1:
        log.warn(f"no target: there are several {kind}s called {name!r}")
        return None
    return linkable[0] if linkable else work.save(_named(kind, name))


def _parts(text: str) -> tuple[str, str]:
    """Discriminator and pattern of a template; without the former, the newest is meant."""
    parts = text.split(":", 2)
    return ("+name", parts[-1]) if len(parts) < 3 else (parts[1], parts[2])


def _python_pattern(pattern: str) -> str:
    """Java writes named groups (?<name>...), Python (?P<name>...)."""
    return re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", pattern)


def _named(kind: str, name: str) -> Any:
    made = getattr(omero.model, f"{kind}I")()
    made.name = rstring(name)
    return made
