"""Which OMERO server to talk to, and as whom. Secrets come from the environment or OMERO's files.

In this order: the embedded server, when the configuration says so; OMERO_SESSION (a session key);
OMERO_USER and OMERO_PASSWORD; the session that `omero login` left in its store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omero.util import get_omero_userdir
from omero.util.sessions import SessionsStore

from ingest.config import Omero
from ingest.fileset import StageError

DEFAULT_PORT = 4064


@dataclass(frozen=True)
class Login:
    """A server and what opens it. With `is_session`, `password` is the key of a running session."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_session: bool = False
    secure: bool = True
    is_embedded: bool = False

    @property
    def server(self) -> str:
        """The server in words; nobody should take a rehearsal for the real thing."""
        address = f"{self.host}:{self.port}"
        return f"{address} (embedded, for rehearsal)" if self.is_embedded else address


def find_login(options: Omero, environment: Mapping[str, str] | None = None) -> Login:
    """The login for `options`. Raises StageError when there is none."""
    variables = os.environ if environment is None else environment
    if options.embedded:
        return _embedded(options.embedded_folder)
    host = variables.get("OMERO_HOST") or options.host
    port = variables.get("OMERO_PORT") or options.port
    key = variables.get("OMERO_SESSION")
    user, password = variables.get("OMERO_USER"), variables.get("OMERO_PASSWORD")
    if not key and not user:
        return _stored(variables, host, options.secure)
    if not host:
        raise StageError(
            "no OMERO server is named",
            "Set OMERO_HOST in the environment, or omero.host in the configuration.",
        )
    if key:
        return Login(host, _number(port), "", key, is_session=True, secure=options.secure)
    if not password:
        raise StageError(
            f"there is no password for the OMERO user {user}",
            "Set OMERO_PASSWORD, or OMERO_SESSION, or log in with `omero login` and unset "
            "OMERO_USER.",
        )
    return Login(host, _number(port), str(user), password, secure=options.secure)


def _number(port: str | int | None) -> int:
    try:
        return int(port or DEFAULT_PORT)
    except ValueError:
        raise StageError(
            f"OMERO_PORT is no number: {port}", "Set it to a port like 4064."
        ) from None


def _embedded(folder: Path) -> Login:
    try:
        server = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        secret = (folder / "secret").read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise StageError(
            f"the embedded OMERO server of {folder} is not running ({error})",
            "Run the same command again, which starts it; or set omero.embedded to false to use "
            "your own OMERO.server.",
        ) from None
    return Login(server["host"], server["port"], server["user"], secret, is_embedded=True)


def _stored(variables: Mapping[str, str], host: str | None, secure: bool) -> Login:
    """The current session of the `omero` command line."""
    folder = variables.get("OMERO_SESSIONDIR") or get_omero_userdir() / "sessions"
    nobody = StageError(
        "there is no login for OMERO",
        "Set OMERO_USER and OMERO_PASSWORD, or OMERO_SESSION, or log in with `omero login`.",
    )
    if not Path(folder).is_dir():
        raise nobody
    store = SessionsStore(folder)
    stored_host, user, key, port = store.get_current()
    if host:
        stored_host, user, key = _last_session(store, host)
    if not (stored_host and user and key and store.exists(stored_host, user, key)):
        raise nobody
    port = store.get(stored_host, user, key).get("omero.port", port)
    return Login(stored_host, _number(port), user, key, is_session=True, secure=secure)


def _last_session(store: SessionsStore, host: str) -> tuple[str, str, str]:
    user_file = store.user_file(host)
    user = user_file.text().strip() if user_file.exists() else ""
    key_file = store.sess_file(host, user)
    return host, user, key_file.text().strip() if user and key_file.exists() else ""
