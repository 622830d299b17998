"""The transfers by which OMERO's managed repository gets a fileset's files.

Seven have names. A custom one is a Python function, written `module:function`, with the signature

    def transfer(source: Path, destination: Path) -> None

It makes `destination`, which does not exist yet, a file (or a link to one) with the bytes of
`source`, and changes nothing else; `source` above all. Both paths are absolute. It is called for
several files at once. What it made is verified as the others' outcome is: OMERO reads it, and its
digest must be that of the source.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.fileset import Problem, StageError

NAMES = ("ln_s", "ln", "ln_rm", "cp", "cp_rm", "upload", "upload_rm")

Custom = Callable[[Path, Path], None]

_REMOVES = "_rm"
_CUSTOM = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def removes_sources(transfer: str) -> bool:
    """Whether a fileset's sources are removed once it is imported and verified."""
    return transfer in NAMES and transfer.endswith(_REMOVES)


def way(transfer: str) -> str:
    """How the bytes get there: ln_s, ln, cp, upload, or a custom transfer's own text."""
    return transfer.removesuffix(_REMOVES) if removes_sources(transfer) else transfer


def is_custom(transfer: str) -> bool:
    return ":" in transfer


def text_problem(transfer: str) -> Problem | None:
    """What is wrong with a transfer's text; nothing is imported to find out."""
    if transfer in NAMES:
        return None
    if _CUSTOM.fullmatch(transfer):
        if transfer.partition(":")[0].partition(".")[0] not in sys.stdlib_module_names:
            return None
        return Problem(
            f"{transfer!r} is a function of Python's own, which may move or remove the source",
            "Write one of your own, which only reads its source: see docs/manifest.md.",
        )
    if is_custom(transfer):
        return Problem(
            f"{transfer!r} names no Python function",
            "Write module:function, like site_transfers:reflink.",
        )
    return Problem(
        f"{transfer!r} is not an import transfer",
        f"Write one of {', '.join(NAMES)}, or module:function for one of your own.",
    )


@lru_cache(maxsize=256)
def custom_problem(transfer: str, folder: Path | None) -> Problem | None:
    """Why a custom transfer cannot be used; its module, below `folder`, is imported to find out."""
    try:
        load_custom(transfer, folder)
    except StageError as error:
        return Problem(error.cause, error.remedy)
    return None


def load_custom(transfer: str, folder: Path | None = None) -> Custom:
    """The function of a custom transfer; Python looks for it in `folder`, too, from then on.

    Raises StageError when there is none to call.
    """
    module_name, _, name = transfer.partition(":")
    where = str(folder.absolute()) if folder else ""
    if where and where not in sys.path:
        sys.path.append(where)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a module that is not ours may raise
        raise StageError(
            f"the module of the import transfer {transfer} cannot be imported: "
            f"{type(error).__name__}: {error}",
            "Fix the module, or set import.transfer_folder to the folder it lies in.",
        ) from error
    function: Any = getattr(module, name, None)
    origin = getattr(module, "__file__", None) or module_name
    if not callable(function):
        raise StageError(
            f"{origin} has no function {name}, which the import transfer {transfer} names",
            "Correct the name; if another file is meant, give your module another name.",
        )
    try:
        inspect.signature(function).bind(Path(), Path())
    except (TypeError, ValueError):
        raise StageError(
            f"{name} in {origin} cannot be called as {name}(source, destination)",
            "An import transfer takes two paths: see docs/manifest.md.",
        ) from None
    custom: Custom = function
    return custom
