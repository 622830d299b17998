"""Old folders and where they are now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Roots:
    """`mapping` leads old folders to new ones: absolute, normalised paths."""

    mapping: Mapping[str, str]

    def new(self, path: str) -> str | None:
        """Where `path` is now; None when it lies below none of the old roots.

        The longest root that fits counts. What lies below a new root that is itself below an old
        one has been moved already.
        """
        old = self._old_root(path)
        return None if old is None else self.mapping[old] + path[len(old) :]

    def new_root(self, path: str) -> str:
        """The new root that `new(path)` lies below."""
        old = self._old_root(path)
        assert old is not None
        return self.mapping[old]

    def is_new(self, path: str) -> bool:
        """Whether `path` lies below one of the new roots."""
        return any(below(path, root) for root in self.mapping.values())

    def _old_root(self, path: str) -> str | None:
        if os.path.normpath(path) != path.replace("//", "/"):
            return None  # what `..` means behind a link only the file system knows
        fitting = [root for root in self.mapping if below(path, root)]
        longest = max(fitting, key=len, default=None)
        if longest is None or any(
            len(root) > len(longest) and below(path, root) for root in self.mapping.values()
        ):
            return None
        return longest


def below(path: str, root: str) -> bool:
    """Whether `path` lies below the folder `root`, by their names."""
    return path.startswith(root + "/")
