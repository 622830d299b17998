"""How a server is reached: encrypted, unencrypted when asked, and what is said when it is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from ingest.config import load
from ingest.fileset import StageError
from ingest.omero.session import SessionPool
from tests.integration.ingest_omero.rig import Server

Connect = Callable[..., SessionPool]


@pytest.fixture
def connect(server: Server, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """A pool for ada at an address, where {ssl} and {tcp} are the server's ports."""
    facts = json.loads((server.folder / "server.json").read_text())
    monkeypatch.delenv("OMERO_SESSION", raising=False)
    monkeypatch.delenv("OMERO_PORT", raising=False)
    monkeypatch.setenv("OMERO_USER", "ada")
    monkeypatch.setenv("OMERO_PASSWORD", (server.folder / "secret").read_text().strip())

    def pool(host: str, port: str = "") -> SessionPool:
        ports = {"ssl": facts["port"], "tcp": facts["tcp_port"]}
        monkeypatch.setenv("OMERO_HOST", host.format(**ports))
        if port:
            monkeypatch.setenv("OMERO_PORT", port.format(**ports))
        return SessionPool(load({"omero": {"embedded": False}}))

    return pool


@pytest.mark.parametrize(
    ("host", "port", "transport"),
    [
        ("127.0.0.1", "{ssl}", "ssl"),
        ("ssl://127.0.0.1:{ssl}", "", "ssl"),
        ("tcp://127.0.0.1:{tcp}", "", "tcp"),
        ("tcp://127.0.0.1", "{tcp}", "tcp"),
    ],
)
def test_encrypted_unless_asked_otherwise(
    connect: Connect, host: str, port: str, transport: str
) -> None:
    pool = connect(host, port)
    try:
        for session in (pool.get(), pool.get("grace", "demo"), pool.get("", "screening")):
            assert session.factory.ice_getConnection().type() == transport
    finally:
        pool.close()


def test_the_unencrypted_port_is_known_by_its_answer(connect: Connect) -> None:
    with pytest.raises(StageError, match="does not take encrypted connections") as error:
        connect("127.0.0.1", "{tcp}").get()
    assert "tcp://" in error.value.remedy
    assert "4064" in error.value.remedy


def test_a_closed_port_is_named(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(StageError, match=f"127.0.0.1:{port} cannot be reached") as error:
            connect("127.0.0.1", str(port)).get()
    assert "OMERO_PORT" in error.value.remedy


def test_what_answers_in_no_way_that_is_understood_is_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # omero.client tries three times, each as long as this.
    monkeypatch.setattr("omero.constants.CONNECTTIMEOUT", 300)
    with pytest.raises(
        StageError, match="is not an OMERO server, or does not answer in time"
    ) as error:
        connect("tcp://127.0.0.1:{ssl}").get()
    assert "OMERO_PORT" in error.value.remedy
