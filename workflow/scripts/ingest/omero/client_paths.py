"""The client path of a fileset entry, as OMERO's own importer writes it.

Each component of the absolute path (links and `..` kept, no leading slash) is made safe under the
rules the server applies to names in the managed repository, those for Windows and Unix together.
"""

from __future__ import annotations

_CONTROL_CHARACTERS = (*range(0x20), *range(0x7F, 0xA0))
_SUBSTITUTES = dict.fromkeys(_CONTROL_CHARACTERS, "_") | str.maketrans(
    {
        '"': "'",
        "*": "x",
        "/": "!",
        ":": ";",
        "<": "[",
        ">": "]",
        "?": "%",
        "\\": "!",
        "|": "!",
    }
)
_DEVICES = frozenset(
    ["AUX", "CLOCK$", "CON", "NUL", "PRN"]
    + [f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)]
)


def safe_component(name: str) -> str:
    """One path component with the characters and names that no platform takes replaced."""
    safe = name.translate(_SUBSTITUTES)
    device = safe.upper().partition(".")[0]
    if safe.upper() in _DEVICES:
        return safe + "_"
    if safe.startswith("$") or (device in _DEVICES and "." in safe):
        return "_" + safe
    return safe


def client_path(path: str) -> str:
    """The client path of a file with this absolute POSIX path."""
    if not path.startswith("/"):
        raise ValueError(f"a client path is made of an absolute path, not of {path!r}")
    return "/".join(safe_component(part) for part in path.split("/") if part)
