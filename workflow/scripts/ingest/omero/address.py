"""Where an OMERO server is: `host`, or a URL as OMERO's own clients take it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.fileset import StageError

# The ports that OMERO's clients take for each protocol; ws and wss are WebSockets.
PORTS = {"ssl": 4064, "tcp": 4063, "wss": 443, "ws": 80}

_URL = re.compile(r"(?P<protocol>\w+)://(?P<host>[^:/]+)(:(?P<port>\d+))?(?P<path>/.*)?")


@dataclass(frozen=True)
class Address:
    """A server's address; encrypted with ssl and wss. `path` is that of a WebSocket."""

    host: str
    port: int
    protocol: str = "ssl"
    path: str = ""

    def __str__(self) -> str:
        place = f"{self.host}:{self.port}"
        return place if self.protocol == "ssl" else f"{self.protocol}://{place}{self.path}"

    def properties(self) -> dict[str, str]:
        """What omero.client has to know."""
        if self.protocol == "ssl":
            return {"omero.host": self.host, "omero.port": str(self.port)}
        return {"omero.host": str(self)}


def parse_address(text: str, port: str | int | None) -> Address:
    """The address that `text` names; a port in it comes before `port`. Raises StageError."""
    if "@" in text:  # not told: it may be a password
        raise StageError(
            "the OMERO host names a user, and perhaps a password, before an @",
            "Write the host alone. The login is given by OMERO_USER and OMERO_PASSWORD.",
        )
    url = _URL.fullmatch(text)
    if url is None and ("/" in text or ":" in text):
        raise StageError(
            f"the OMERO host {text!r} is neither a name nor a URL",
            "Write it like omero.example.org or tcp://omero.example.org:4063; a port alone belongs "
            "into OMERO_PORT.",
        )
    if url is None:
        return Address(text, _number(port or PORTS["ssl"]))
    protocol, path = url["protocol"], url["path"] or ""
    if protocol not in PORTS or (path.strip("/") and protocol in ("ssl", "tcp")):
        raise StageError(
            f"the OMERO host {text!r} is not the address of an OMERO server",
            "Write its name for an encrypted connection (ssl), tcp://NAME for an unencrypted one, "
            "or wss://NAME/PATH or ws://NAME/PATH for WebSockets.",
        )
    if protocol in ("ssl", "tcp"):
        path = ""
    return Address(url["host"], _number(url["port"] or port or PORTS[protocol]), protocol, path)


def _number(port: str | int) -> int:
    try:
        number = int(port)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise StageError(f"OMERO_PORT is not a port: {port}", "Set it to a number like 4064.")
    return number
