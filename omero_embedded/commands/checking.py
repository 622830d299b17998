"""omero.grid.RawAccessRequest: what `omero fs sets --check` asks for, and nothing else of it."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd

from omero_embedded.commands.handle import Failed, Task
from omero_embedded.repository.files import Repository
from omero_embedded.store import Actor


def checksum_task(repository: Repository, actor: Actor, request: Any) -> Task:
    """Compare a file of the repository with the digest that the client gives.

    Its arguments are the algorithm, the digest and the path within the repository.
    """

    def compare() -> None:
        if not actor.is_admin:
            raise Failed("guest-restriction", "only administrators have raw access")
        if request.command != "checksum" or len(request.args) != 3:
            raise Failed("unknown-command", f"{request.command!r} is not in the embedded server")
        algorithm, expected, path = request.args
        found = repository.digests.now(repository.root / repository.checked(path), algorithm)
        if found != expected:
            raise Failed("checksum-mismatch", f"{path} is {found}, recorded is {expected}")

    return Task(request, [compare], omero.cmd.OK)
