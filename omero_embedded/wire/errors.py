"""OMERO's exceptions, as a client receives them."""

from __future__ import annotations

from typing import Any

import omero
import omero.all


def _server_error(kind: Any, message: str) -> Any:
    return kind(serverStackTrace="", serverExceptionClass=kind.__name__, message=message)


def api_usage(message: str) -> Any:
    """A call that makes no sense as it was made."""
    return _server_error(omero.ApiUsageException, message)


def internal(message: str) -> Any:
    """The server's own fault."""
    return _server_error(omero.InternalException, message)


def security(message: str) -> Any:
    """Something this user may not do."""
    return _server_error(omero.SecurityViolation, message)


def validation(message: str) -> Any:
    """An object that does not exist or cannot be as it was given."""
    return _server_error(omero.ValidationException, message)


def resource(message: str) -> Any:
    """Something on disk that cannot be had."""
    return _server_error(omero.ResourceError, message)


def removed_session(message: str) -> Any:
    return _server_error(omero.RemovedSessionException, message)


def lock_timeout(message: str, seconds: int) -> Any:
    """A request that could not be cancelled in time; worth another try."""
    error = _server_error(omero.LockTimeout, message)
    error.backOff, error.seconds = 5000, seconds
    return error


def session_timeout(message: str) -> Any:
    return _server_error(omero.SessionTimeoutException, message)


def authentication(reason: str) -> Any:
    """No session for these credentials; also what ISession says of unknown users and groups."""
    return omero.AuthenticationException(reason)


def not_here(operation: str) -> Any:
    """For what OMERO.server does and this one does not."""
    return api_usage(f"{operation} is not in the embedded server")


def checksum_mismatch(failing: dict[int, str]) -> Any:
    """`failing`: entry index -> the server's digest ("" when it has none)."""
    error = _server_error(omero.ChecksumValidationException, "A checksum mismatch has occurred.")
    error.failingChecksums = failing
    return error
