"""Every operation of an interface answers, whatever the service behind it lacks or does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import Ice
import omero
import omero.all
import pytest

from omero_embedded.commands.handle import Failed, Handle, Task
from omero_embedded.wire.servants import operations, servant

CURRENT = SimpleNamespace(ctx={}, con=None)


class Answer:
    """What Ice hands to an asynchronous operation."""

    def __init__(self) -> None:
        self.value: Any = None
        self.error: Any = None

    def ice_response(self, value: Any) -> None:
        self.value = value

    def ice_exception(self, error: Any) -> None:
        self.error = error


class Service:
    def get(self, call: Any, klass: str, object_id: int) -> str:
        return f"{klass}:{object_id}"

    def find(self, call: Any, klass: str, object_id: int) -> Any:
        raise ZeroDivisionError("oops")


def _ask(operation: str, *arguments: Any) -> Answer:
    answer = Answer()
    made = servant(omero.api.IQuery, Service(), None)
    getattr(made, f"{operation}_async")(answer, *arguments, CURRENT)
    return answer


def test_an_operation_runs_the_services_method() -> None:
    assert _ask("get", "Image", 3).value == "Image:3"


def test_what_the_service_lacks_is_refused_by_name() -> None:
    error = _ask("findAllByFullText", "Image", "x", None).error
    assert isinstance(error, omero.ApiUsageException)
    assert error.message == "IQuery.findAllByFullText is not in the embedded server"


def test_a_bug_is_an_internal_exception_without_a_traceback() -> None:
    error = _ask("find", "Image", 3).error
    assert isinstance(error, omero.InternalException)
    assert "ZeroDivisionError: oops" in error.message
    assert "Traceback" not in error.message + error.serverStackTrace


class Gone:
    """A client whose session is over."""

    name = "ada"

    def enter(self, connection: Any) -> None:
        raise omero.RemovedSessionException(None, None, "No context for it")

    def leave(self) -> None:
        raise AssertionError("nobody entered")


@pytest.mark.parametrize(
    ("skeleton", "operation", "expected"),
    [
        (omero.api.IConfig, "getVersion", omero.RemovedSessionException),
        (omero.api.ServiceFactory, "activeServices", omero.RemovedSessionException),
        # These may raise none of OMERO's exceptions.
        (omero.api.ServiceFactory, "destroy", Ice.ObjectNotExistException),
        (omero.cmd.Handle, "getResponse", Ice.ObjectNotExistException),
        (omero.grid.ManagedRepository, "listChecksumAlgorithms", Ice.ObjectNotExistException),
    ],
)
def test_the_end_of_a_session_is_told_as_the_operation_may(
    skeleton: Any, operation: str, expected: Any
) -> None:
    answer, service = Answer(), SimpleNamespace(**{operation: lambda _call: None})
    getattr(servant(skeleton, service, Gone()), f"{operation}_async")(answer, CURRENT)
    assert isinstance(answer.error, expected)


def test_inherited_operations_count() -> None:
    assert {"write", "close", "activate"} <= set(operations(omero.api.RawFileStore))


def _run(*steps: Any) -> Handle:
    request = omero.cmd.Delete2()
    handle = Handle(Task(request, list(steps), omero.cmd.OK))
    handle.run()
    return handle


def test_a_task_that_works_ends_in_its_response() -> None:
    done: list[int] = []
    handle = _run(lambda: done.append(1), lambda: done.append(2))
    assert done == [1, 2]
    assert isinstance(handle.response, omero.cmd.OK)
    assert handle.getStatus(None).flags == [omero.cmd.State.SUCCESS]  # type: ignore[arg-type]


def test_a_failed_step_is_an_err_with_its_name_and_the_rest_is_not_run() -> None:
    def fail() -> None:
        raise Failed("import-unknown-format", "what is this?", filename="/a")

    done: list[int] = []
    response = _run(fail, lambda: done.append(1)).response
    assert done == []
    assert (response.category, response.name) == ("::omero::cmd::Delete2", "import-unknown-format")
    assert response.parameters == {"message": "what is this?", "filename": "/a"}


def test_an_unforeseen_error_is_an_err_too() -> None:
    def fail() -> None:
        raise KeyError("x")

    response = _run(fail).response
    assert response.name == "run-fail"
    assert "KeyError" in response.parameters["message"]


def test_a_cancelled_task_stops_before_its_next_step() -> None:
    done: list[str] = []
    task: Task
    task = Task(None, [lambda: task.cancelled.set(), lambda: done.append("no")], omero.cmd.OK)
    task.request = omero.cmd.Delete2()
    handle = Handle(task)
    handle.run()
    assert done == []
    assert handle.response.name == "not-ready"
    assert handle.cancel(None)  # type: ignore[arg-type]


def test_letting_go_happens_also_after_a_failure() -> None:
    ended: list[bool] = []

    def note() -> None:
        ended.append(True)

    def fail() -> None:
        raise Failed("bad", "it is")

    Handle(Task(omero.cmd.Delete2(), [fail], omero.cmd.OK, note)).run()
    assert ended == [True]


@pytest.mark.parametrize("interface", ["IAdmin", "Search", "ThumbnailStore", "ServiceFactory"])
def test_servants_of_any_interface_can_be_made(interface: str) -> None:
    skeleton = getattr(omero.api, interface)
    made = servant(skeleton, object(), None)
    assert all(hasattr(made, f"{name}_async") for name in operations(skeleton))
