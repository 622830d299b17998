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
from omero_embedded.wire.requestlog import LOG
from omero_embedded.wire.servants import Call

# As OMERO.server: at most so many callbacks tell of steps.
_STEP_CALLBACKS = 10


class Failed(Exception):
    """A request ends in ERR: `name` and `parameters` are what the client sees."""

    def __init__(self, name: str, message: str, **parameters: str) -> None:
        super().__init__(message)
        self.name = name
        self.parameters = {"message": message, **parameters}


class Cancelled(Exception):
    """The client does not want the outcome any more."""


Step = Callable[[], None]


class Task:
    """What a request does: `steps` one after the other, then `response`.

    `stop(is_failed)` lets go of what the steps held. A long step calls `check` now and then.
    """

    def __init__(
        self,
        request: Any,
        steps: list[Step],
        response: Callable[[], Any],
        stop: Callable[[bool], None] = lambda _is_failed: None,
    ) -> None:
        self.request = request
        self.steps = steps
        self.response = response
        self.stop = stop
        self.cancelled = threading.Event()

    def check(self) -> None:
        """Raises Cancelled when nobody wants the outcome any more."""
        if self.cancelled.is_set():
            raise Cancelled


class Handle(Stateful):
    """Methods of omero::cmd::Handle; `start` sets the task going."""

    def __init__(self, task: Task) -> None:
        self._task = task
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

    def start(self, executor: Executor) -> None:
        executor.submit(self.run)

    def run(self) -> None:
        """Carry out the task to its response, whatever happens."""
        self._status.startTime = _now_ms()
        try:
            for number, step in enumerate(self._task.steps):
                self._run_step(number, step)
            response, flags = self._task.response(), [omero.cmd.State.SUCCESS]
        except Cancelled:
            response = self._error("cancel-called", {"message": "cancelled"})
            flags = [omero.cmd.State.FAILURE, omero.cmd.State.CANCELLED]
        except Failed as failed:
            response = self._error(failed.name, failed.parameters)
            flags = [omero.cmd.State.FAILURE]
        except Exception as error:
            LOG.exception("%s failed", self._status.category)
            parameters = {"message": _message(error), "stacktrace": ""}
            response = self._error("run-fail", parameters)
            flags = [omero.cmd.State.FAILURE]
        try:
            self._task.stop(omero.cmd.State.FAILURE in flags)
        except Exception:
            LOG.exception("%s did not end cleanly", self._status.category)
        with self._lock:
            self._status.stopTime = _now_ms()
            self._status.flags = flags
            self._response = response
        self._notify_finished(list(self._callbacks.values()))

    def _run_step(self, number: int, step: Step) -> None:
        self._task.check()
        with self._lock:
            self._status.currentStep = number
            self._status.stepStartTimes.append(_now_ms())
        try:
            step()
        except (Failed, Cancelled):
            raise
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
        """False when it is too late. The step that is under way still ends."""
        with self._lock:
            if self._response is not None:
                return False
            self._task.cancelled.set()
            return True

    def release(self) -> None:
        self._task.cancelled.set()

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
