"""What a program that has no business with OMERO gets of our environment."""

from __future__ import annotations

import os
import re

_NOT_THEIRS = re.compile("OMERO_.*|INGEST_.*|.*(PASSWORD|PASSWD|SECRET|TOKEN).*", re.IGNORECASE)


def child_environment() -> dict[str, str]:
    """Our environment without what is, or may be, a secret."""
    return {key: value for key, value in os.environ.items() if not _NOT_THEIRS.fullmatch(key)}
