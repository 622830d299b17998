"""What OMERO's and Ice's exceptions mean for a fileset: a cause and a remedy."""

from __future__ import annotations

import time
from typing import Any

import Ice
import omero
import omero.all
from omero.clients import Glacier2  # omero loads it anew: imported first, it is another

from ingest.fileset import StageError

RUN_AGAIN = "Run the same command again"

# The server, the way to it or our session is gone: nothing is known of what the call did.
LOST_CONNECTION = (
    Ice.SocketException,
    Ice.TimeoutException,
    # A connection that is closed in order, and an encrypted one that breaks off.
    Ice.ProtocolException,
    Ice.CommunicatorDestroyedException,
    Ice.ObjectNotExistException,
    # A router whose server is gone answers with it.
    Ice.UnknownLocalException,
    Ice.DNSException,
    Glacier2.SessionNotExistException,
    omero.SessionException,
)


# An answer that cannot be understood: of Ice.ProtocolException too, but the connection is well.
NOT_UNDERSTOOD = Ice.MarshalException


class Passing(StageError):
    """What may be over in a moment. Times are of time.monotonic(), in seconds.

    `since` is when it began, `back_off` how long the server asked to be left alone.
    """

    def __init__(
        self, cause: str, remedy: str, since: float | None = None, back_off: float = 0.0
    ) -> None:
        super().__init__(cause, remedy)
        self.since = time.monotonic() if since is None else since
        self.back_off = back_off


class LostConnection(Passing):
    """OMERO cannot be reached; what it did with a fileset in work is asked when it is back."""


class ServerFailure(StageError):
    """OMERO could not make images of the files it was given (an ERR response)."""


def lost_connection(error: Exception, server: str) -> LostConnection:
    return LostConnection(
        f"the connection to OMERO at {server} was lost ({type(error).__name__})",
        f"{RUN_AGAIN} when the server is back: what this import left there is found again, and "
        "finished or removed.",
    )


def refused(error: Any) -> StageError:
    """The StageError for an exception of OMERO's (omero.ServerError)."""
    name = type(error).__name__
    message = (getattr(error, "message", "") or str(error)).strip()
    if isinstance(error, omero.ConcurrencyException):
        return Passing(
            f"OMERO is too busy: {message or name}",
            f"{RUN_AGAIN} later, or let fewer jobs import at once.",
            back_off=error.backOff / 1000,
        )
    if isinstance(error, omero.SecurityViolation):
        return StageError(
            f"OMERO does not permit it: {message}",
            "Check the row's user and group, and that the account that logs in has the right.",
        )
    return StageError(
        f"OMERO answered with {name}: {message}",
        f"{RUN_AGAIN}; if it happens again, look at the server's log (Blitz-0.log) at this time.",
    )


_SEE_LOG = "The import log that OMERO keeps beside the fileset and Blitz-0.log tell more."
_NOT_READABLE = (
    "Open the file with Bio-Formats (showinf) or its acquisition software: it may be incomplete or "
    "damaged. Replace it and run again."
)
_REMEDIES = {
    "import-unknown-format": "Bio-Formats does not know this format: convert the files first, or "
    "check that the first file of the row is the one to open.",
    "import-file-exception": _NOT_READABLE,
    "import-missing-library": "A library that the format needs is missing on the OMERO server: "
    "ask its administrator.",
    "import-request-failure": f"{_NOT_READABLE} {_SEE_LOG}",
    "error-on-init": f"OMERO could not open the first file. {_NOT_READABLE}",
    "bad-location": f"OMERO lost sight of the fileset's folder. {RUN_AGAIN}.",
    "guest-restriction": "The guest user may not import: give the row another user.",
    "steps-cancel": f"The import was cancelled on the server. {RUN_AGAIN}.",
    "cancel-called": f"The import was cancelled on the server. {RUN_AGAIN}.",
    "not-ready": f"{RUN_AGAIN}.",
}


def server_failure(response: Any, files: str) -> ServerFailure:
    """The error for an ERR response (omero.cmd.ERR) to an import of `files`."""
    parameters = response.parameters or {}
    message = parameters.get("message") or parameters.get("stacktrace", "").partition("\n")[0]
    filename = parameters.get("filename", "")
    cause = f"OMERO could not import {files}: {response.name}"
    if message:
        cause += f": {message}"
    if filename and filename not in cause:
        cause += f" (file {filename})"
    return ServerFailure(cause, _REMEDIES.get(response.name, f"{RUN_AGAIN}. {_SEE_LOG}"))
