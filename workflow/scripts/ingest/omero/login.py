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

import omero.clients  # noqa: F401  before all else of omero: it loads Glacier2's exceptions anew
from omero.util import get_omero_userdir
from omero.util.sessions import SessionsStore

from ingest.config import Omero
from ingest.fileset import StageError
from ingest.omero.address import Address, parse_address


@dataclass(frozen=True)
class Login:
    """A server and what opens it. With `is_session`, `password` is the key of a running session."""

    address: Address
    user: str
    password: str = field(repr=False)
    is_session: bool = False
    secure: bool = True
    is_embedded: bool = False

    @property
    def server(self) -> str:
        """The server in words; nobody should take a rehearsal for the real thing."""
        return (
            f"{self.address} (embedded, for rehearsal)" if self.is_embedded else f"{self.address}"
        )


def find_login(options: Omero, environment: Mapping[str, str] | None = None) -> Login:
    """The login for `options`. Raises StageError when there is none."""
    variables = os.environ if environment is None else environment
    if options.embedded:
        return _embedded(options.embedded_folder)
    named = variables.get("OMERO_HOST") or options.host
    port = variables.get("OMERO_PORT") or options.port
    key = variables.get("OMERO_SESSION")
    user, password = variables.get("OMERO_USER"), variables.get("OMERO_PASSWORD")
    if not key and not user:
        return _stored(variables, named, options.secure)
    if not named:
        raise StageError(
            "no OMERO server is named",
            "Set OMERO_HOST in the environment, or omero.host in the configuration.",
        )
    address = parse_address(named, port)
    if key:
        return Login(address, "", key, is_session=True, secure=options.secure)
    if not password:
        raise StageError(
            f"there is no password for the OMERO user {user}",
            "Set OMERO_PASSWORD, or OMERO_SESSION, or log in with `omero login` and unset "
            "OMERO_USER.",
        )
    return Login(address, str(user), password, secure=options.secure)


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
    address = Address(server["host"], server["port"])
    return Login(address, server["user"], secret, is_embedded=True)


def _stored(variables: Mapping[str, str], named: str | None, secure: bool) -> Login:
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
    address = parse_address(named or stored_host, None)
    if named:
        stored_host, user, key = _last_session(store, address.host)
    if not (stored_host and user and key and store.exists(stored_host, user, key)):
        raise nobody
    if address.protocol == "ssl":
        port = store.get(stored_host, user, key).get("omero.port", port)
        address = parse_address(stored_host, port)
    return Login(address, user, key, is_session=True, secure=secure)


def _last_session(store: SessionsStore, host: str) -> tuple[str, str, str]:
    user_file = store.user_file(host)
    user = user_file.text().strip() if user_file.exists() else ""
    key_file = store.sess_file(host, user)
    return host, user, key_file.text().strip() if user and key_file.exists() else ""
