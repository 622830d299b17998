"""Ice servants made from plain Python objects.

A service is an object whose methods carry the names of a Slice interface's operations and take a
`Call` first: `def get(self, call, klass, object_id)`. `servant` wraps it so that every operation
of the interface answers: what the service lacks with "not in the embedded server", what fails
with OMERO's exceptions, never with a Python traceback. A method may return a Future: the client has
its answer when that is done, and no thread waits for it.
"""

from __future__ import annotations

import keyword
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import Ice
import omero
from omero.clients import Glacier2  # omero loads it anew: imported first, it is another

from omero_embedded.wire import errors
from omero_embedded.wire.requestlog import LOG, request


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `caller` is whom the servant belongs to (a client of a session, or None)."""

    caller: Any
    context: Mapping[str, str]
    connection: Any
    operation: str


class Caller(Protocol):
    """Whom a servant belongs to."""

    @property
    def name(self) -> str:
        """For the log."""

    def enter(self, connection: Any) -> None:
        """A request begins; raises when the caller's session is over."""

    def leave(self) -> None:
        """The request is over."""


def servant(skeleton: Any, service: Any, caller: Caller | None) -> Any:
    """An Ice servant of the interface `skeleton` that answers with the methods of `service`, in
    Ice's own threads."""
    return _servant_class(skeleton)(service, caller)


@cache
def operations(skeleton: Any) -> tuple[str, ...]:
    """Names of an interface's operations, inherited ones included."""
    return tuple(
        name.removeprefix("_op_")
        for kind in skeleton.__mro__
        for name in vars(kind)
        if name.startswith("_op_") and not name.startswith("_op_ice_")
    )


@cache
def _servant_class(skeleton: Any) -> Any:
    def initialise(self: Any, service: Any, caller: Caller | None) -> None:
        self.service, self.caller = service, caller

    members: dict[str, Any] = {"__init__": initialise}
    for operation in operations(skeleton):
        name = f"_{operation}" if keyword.iskeyword(operation) else operation
        members[name] = _plain(skeleton.__name__, operation)
        members[f"{operation}_async"] = _asynchronous(skeleton.__name__, operation)
    return type(f"Embedded{skeleton.__name__}", (skeleton,), members)


def _plain(interface: str, operation: str) -> Callable[..., Any]:
    def dispatch(self: Any, *arguments: Any) -> Any:
        result = _run(self, interface, operation, arguments)
        return result.result() if isinstance(result, Future) else result

    return dispatch


def _asynchronous(interface: str, operation: str) -> Callable[..., None]:
    def dispatch(self: Any, callback: Any, *arguments: Any) -> None:
        try:
            result = _run(self, interface, operation, arguments)
        except Exception as error:
            callback.ice_exception(error)
        else:
            name = f"{interface}.{operation}"
            if isinstance(result, Future):
                result.add_done_callback(lambda done: _respond_later(callback, done, name))
            else:
                _respond(callback, result, name)

    return dispatch


def _respond_later(callback: Any, done: Future[Any], operation: str) -> None:
    error = done.exception()
    if error is None:
        _respond(callback, done.result(), operation)
    else:
        callback.ice_exception(_as_seen(operation, error))


def _respond(callback: Any, result: Any, operation: str) -> None:
    try:
        callback.ice_response(result)
    except Exception as error:
        # A result that Ice cannot marshal is this server's fault, and must not leave the client
        # waiting.
        LOG.error("%s answered what cannot be sent: %s", operation, error)
        callback.ice_exception(errors.internal(f"{operation} answered what cannot be sent"))


# What the Slice definitions let a client expect; anything else is this server's own fault.
_DECLARED = (
    omero.ServerError,
    Ice.Exception,
    Glacier2.CannotCreateSessionException,
    Glacier2.PermissionDeniedException,
    Glacier2.SessionNotExistException,
)
# Operations whose Slice definition allows no exception: one of OMERO's would reach the client as
# Ice's UnknownUserException, with a traceback in it.
_TELL_NOTHING = frozenset(
    [
        "ServiceFactory.submit",
        "ServiceFactory.destroy",
        "Handle.addCallback",
        "Handle.removeCallback",
        "Handle.getRequest",
        "Handle.getResponse",
        "Handle.getStatus",
        "Handle.close",
        "ImportProcess.getImportSettings",
        "ManagedRepository.listChecksumAlgorithms",
        "ManagedRepository.suggestChecksumAlgorithm",
    ]
)


def _as_seen(operation: str, error: BaseException) -> BaseException:
    """An error as the client is to see it."""
    if operation in _TELL_NOTHING and isinstance(error, omero.SessionException):
        # In OMERO.server the servant is gone with its session.
        return Ice.ObjectNotExistException()
    if operation in _TELL_NOTHING and isinstance(error, omero.ServerError):
        return Ice.UnknownException(error.message)
    if isinstance(error, _DECLARED):
        return error
    LOG.error("%s failed: %s", operation, "".join(traceback.format_exception(error)))
    return errors.internal(
        f"{operation} failed in the embedded server: {type(error).__name__}: {error}"
    )


def _run(servant: Any, interface: str, operation: str, arguments: tuple[Any, ...]) -> Any:
    *values, current = arguments
    caller = servant.caller
    name = f"{interface}.{operation}"
    started, outcome = time.monotonic(), "ok"
    try:
        method = getattr(servant.service, operation, None)
        if method is None:
            raise errors.not_here(name)
        if caller is None:
            return method(Call(None, current.ctx, current.con, operation), *values)
        caller.enter(current.con)
        try:
            return method(Call(caller, current.ctx, current.con, operation), *values)
        finally:
            caller.leave()
    except Exception as error:
        outcome = type(error).__name__
        seen = _as_seen(name, error)
        if seen is error:
            raise
        raise seen from error
    finally:
        who = "-" if caller is None else caller.name
        request(name, who, time.monotonic() - started, outcome)
