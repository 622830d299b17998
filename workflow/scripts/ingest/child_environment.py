"""What others may see of our environment: programs that have no business with OMERO, and logs."""

from __future__ import annotations

import os
import re

_NOT_THEIRS = re.compile("OMERO_.*|INGEST_.*|.*(PASSWORD|PASSWD|SECRET|TOKEN).*", re.IGNORECASE)
_SECRETS = re.compile("OMERO_SESSION|(OMERO_|INGEST_).*(PASSWORD|TOKEN|WEBHOOK|_URL).*")


def child_environment() -> dict[str, str]:
    """Our environment without what is, or may be, a secret."""
    return {key: value for key, value in os.environ.items() if not _NOT_THEIRS.fullmatch(key)}


def secrets_here() -> list[str]:
    """The names of the variables that hold secrets of ours."""
    return sorted(filter(_SECRETS.fullmatch, os.environ))
