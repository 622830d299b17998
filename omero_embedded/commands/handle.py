"""A request under way: its steps, its state, its response, and who wants to hear of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import omero
import omero.cmd

from omero_embedded.sessions.servant_map import Stateful
from omero_embedded.wire import errors
from omero_embedded.wire.requestlog import LOG
from omero_embedded.wire.servants import Call

# As OMERO.server: at most so many callbacks tell of steps.
_STEP_CALLBACKS = 10
CANCEL_SECONDS = 5  # omero.threads.cancel_timeout
# OMERO says of a request whose step fails that it is cancelled too.
_CANCELLED = [omero.cmd.State.FAILURE, omero.cmd.State.CANCELLED]


class Failed(Exception):
    """A request ends in ERR: `name` and `parameters` are what the client sees."""

    def __init__(self, name: str, message: str, **parameters: str) -> None:
        super().__init__(message)
        self.name = name
        self.parameters = {"message": message, **parameters}


class Abandoned(Exception):
    """The session that a request worked for is over."""


Step = Callable[[], None]


class Task:
    """What a request does: `steps` one after the other, then `response`.

    `stop` lets go of what the steps held. A long step calls `check` now and then. A
    request that is cancelled still ends the step it is at.
    """

    def __init__(
        self,
        request: Any,
        steps: list[Step],
        response: Callable[[], Any],
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.request = request
        self.steps = steps
        self.response = response
        self.stop = stop
        self.cancelled = threading.Event()
        self.abandoned = threading.Event()

    def check(self) -> None:
        """Raises Abandoned when the session is over that the step works for."""
        if self.abandoned.is_set():
            raise Abandoned


class Handle(Stateful):
    """Methods of omero::cmd::Handle; `start` sets the task going."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._is_begun = False
        self._done = threading.Event()
        self._lock = threading.RLock()
        self._callbacks: dict[str, Any] = {}
        self._response: Any = None
        self._status = omero.cmd.Status(
            category=_category(task.request),
            name=type(task.request).__name__,
            flags=[],
            parameters={},
            currentStep=0,
            steps=len(task.steps),
            startTime=0,
            stepStartTimes=[],
            stepStopTimes=[],
            stopTime=0,
        )

    def start(self, executor: Executor, ended: Callable[[], None] = lambda: None) -> None:
        """Begin as soon as the executor can; `ended` is called when it is over."""

        def run() -> None:
            try:
                self.run()
            finally:
                ended()

        executor.submit(run)

    def run(self) -> None:
        """Carry out the task to its response, whatever happens."""
        with self._lock:
            if self._response is not None:
                return  # cancelled before it began
            self._is_begun = True
            self._status.startTime = _now_ms()
        try:
            for number, step in enumerate(self._task.steps):
                self._run_step(number, step)
            response, flags = self._task.response(), [omero.cmd.State.SUCCESS]
        except Failed as failed:
            response, flags = self._error(failed.name, failed.parameters), _CANCELLED
        except Exception as error:
            LOG.exception("%s failed", self._status.category)
            parameters = {"message": _message(error), "stacktrace": ""}
            response = self._error("run-fail", parameters)
            flags = [omero.cmd.State.FAILURE]
        try:
            self._task.stop()
        except Exception:
            LOG.exception("%s did not end cleanly", self._status.category)
        self._end(response, flags)

    def _end(self, response: Any, flags: list[Any]) -> None:
        with self._lock:
            self._status.stopTime = _now_ms()
            self._status.flags = flags
            self._response = response
        self._done.set()
        self._notify_finished(list(self._callbacks.values()))

    def _run_step(self, number: int, step: Step) -> None:
        if self._task.cancelled.is_set():
            raise Failed("not-ready", "cancelled")
        with self._lock:
            self._status.currentStep = number
            self._status.stepStartTimes.append(_now_ms())
        try:
            step()
        except Failed:
            raise
        except Abandoned as error:
            raise Failed("bad-step", "the session is over", step=str(number)) from error
        except omero.ServerError as error:
            raise Failed("bad-step", _message(error), step=str(number)) from error
        finally:
            with self._lock:
                self._status.stepStopTimes.append(_now_ms())
        every = max(1, len(self._task.steps) // _STEP_CALLBACKS)
        if (number + 1) % every == 0:
            self._notify_step(number + 1)

    def _error(self, name: str, parameters: dict[str, str]) -> Any:
        return omero.cmd.ERR(category=self._status.category, name=name, parameters=parameters)

    def _notify_step(self, number: int) -> None:
        for callback in list(self._callbacks.values()):
            _tell(callback.step, number, len(self._task.steps))

    def _notify_finished(self, callbacks: list[Any]) -> None:
        for callback in callbacks:
            _tell(callback.finished, self._response, self._status)

    def addCallback(self, call: Call, callback: Any) -> None:
        """From here on `callback` is told, over the connection that this call came by."""
        identity = callback.ice_getIdentity()
        proxy = call.connection.createProxy(identity).ice_oneway()
        told = omero.cmd.CmdCallbackPrx.uncheckedCast(proxy)
        with self._lock:
            self._callbacks[identity.name] = told
            is_late = self._response is not None
        if is_late:
            self._notify_finished([told])

    def removeCallback(self, call: Call, callback: Any) -> None:
        with self._lock:
            self._callbacks.pop(callback.ice_getIdentity().name, None)

    def getRequest(self, call: Call) -> Any:
        return self._task.request

    def getResponse(self, call: Call) -> Any:
        return self._response

    def getStatus(self, call: Call) -> Any:
        return self._status

    def cancel(self, call: Call) -> bool:
        """Whether it is cancelled, False when it is too late.

        A step that is under way is not interrupted: when it takes longer than OMERO waits, the
        request goes on as if nothing had been said, and omero.LockTimeout is raised.
        """
        with self._lock:
            if self._response is not None:
                return omero.cmd.State.CANCELLED in self._status.flags
            self._task.cancelled.set()
            if not self._is_begun:
                self._end(self._error("cancel-called", {"message": "cancelled"}), _CANCELLED)
                return True
        if not self._done.wait(CANCEL_SECONDS):
            self._task.cancelled.clear()
            raise errors.lock_timeout("timed out while waiting on CANCELLED state", CANCEL_SECONDS)
        return omero.cmd.State.CANCELLED in self._status.flags

    def close(self, call: Call) -> None:
        """Take the handle away; cancels a request that is not over."""
        self.unregister()
        try:
            self.cancel(call)
        except omero.LockTimeout:
            LOG.warning("%s goes on though its handle was closed", self._status.category)

    def release(self) -> None:
        """The session is over: nothing more is done in its name."""
        self._task.cancelled.set()
        self._task.abandoned.set()

    @property
    def request(self) -> Any:
        return self._task.request

    @property
    def response(self) -> Any:
        """The response, None until there is one."""
        return self._response


def _tell(operation: Callable[..., None], *arguments: Any) -> None:
    try:
        operation(*arguments)
    except Exception as error:
        LOG.info("a callback was not reached: %s", type(error).__name__)


def _category(request: Any) -> str:
    return "" if request is None else str(request.ice_id())


def _message(error: Exception) -> str:
    return str(getattr(error, "message", "") or f"{type(error).__name__}: {error}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
