import json
from pathlib import Path

import omero
import omero.clients
import pytest
from omero.util.sessions import SessionsStore

from ingest.config import Omero
from ingest.fileset import StageError
from ingest.omero.login import find_login

OWN = Omero(embedded=False)


def test_embedded_server(tmp_path: Path) -> None:
    server = {"host": "127.0.0.1", "port": 1234, "user": "importer", "tcp_port": 1235}
    (tmp_path / "server.json").write_text(json.dumps(server))
    (tmp_path / "secret").write_text("s3cret\n")
    login = find_login(Omero(embedded_folder=tmp_path), {"OMERO_HOST": "elsewhere"})
    assert (login.address.host, login.address.port) == ("127.0.0.1", 1234)
    assert (login.user, login.password) == ("importer", "s3cret")
    assert login.server == "127.0.0.1:1234 (embedded, for rehearsal)"
    assert "s3cret" not in repr(login)


def test_embedded_server_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="not running"):
        find_login(Omero(embedded_folder=tmp_path), {})


def test_the_environment_wins_over_the_configuration() -> None:
    options = Omero(embedded=False, host="configured", port=1)
    variables = {"OMERO_HOST": "h", "OMERO_PORT": "2", "OMERO_USER": "u", "OMERO_PASSWORD": "p"}
    login = find_login(options, variables)
    assert (login.server, login.user, login.password, login.is_session) == ("h:2", "u", "p", False)
    login = find_login(options, {"OMERO_USER": "u", "OMERO_PASSWORD": "p"})
    assert login.server == "configured:1"


def test_a_session_key_wins_over_a_password() -> None:
    variables = {"OMERO_HOST": "h", "OMERO_SESSION": "k", "OMERO_USER": "u", "OMERO_PASSWORD": "p"}
    login = find_login(OWN, variables)
    assert (login.password, login.is_session, login.server) == ("k", True, "h:4064")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"OMERO_USER": "u", "OMERO_PASSWORD": "p"}, "no OMERO server is named"),
        ({"OMERO_HOST": "h", "OMERO_USER": "u"}, "no password for the OMERO user u"),
        (
            {"OMERO_HOST": "h", "OMERO_SESSION": "k", "OMERO_PORT": "x"},
            "OMERO_PORT is not a port: x",
        ),
        ({"OMERO_SESSIONDIR": "/nowhere"}, "no login"),
    ],
)
def test_what_is_missing_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(StageError, match=message):
        find_login(OWN, variables)


def test_the_session_of_omero_login(tmp_path: Path) -> None:
    store = SessionsStore(str(tmp_path))
    store.add("h", "u", "key-1", {"omero.port": "99"})
    store.set_current("h", "u", "key-1", {"omero.port": "99"})
    variables = {"OMERO_SESSIONDIR": str(tmp_path)}
    login = find_login(OWN, variables)
    assert (login.server, login.user, login.password, login.is_session) == (
        "h:99",
        "u",
        "key-1",
        True,
    )
    assert find_login(OWN, {**variables, "OMERO_HOST": "h"}) == login
    with pytest.raises(StageError, match="no login"):
        find_login(OWN, {**variables, "OMERO_HOST": "other"})


@pytest.mark.parametrize(
    ("host", "port", "address", "router"),
    [
        ("h", "", "h:4064", "ssl -p 4064 -h h"),
        ("h", "14064", "h:14064", "ssl -p 14064 -h h"),
        ("ssl://h", "", "h:4064", "ssl -p 4064 -h h"),
        ("ssl://h:1/", "2", "h:1", "ssl -p 1 -h h"),
        ("tcp://h", "", "tcp://h:4063", "tcp -p 4063 -h h"),
        ("tcp://h", "5", "tcp://h:5", "tcp -p 5 -h h"),
        ("tcp://h:4063/", "", "tcp://h:4063", "tcp -p 4063 -h h"),
        ("wss://h/omero-ws", "", "wss://h:443/omero-ws", "wss -p 443 -h h -r /omero-ws"),
        ("ws://h", "", "ws://h:80", "ws -p 80 -h h"),
    ],
)
def test_addresses_as_omeros_clients_take_them(
    host: str, port: str, address: str, router: str
) -> None:
    variables = {"OMERO_HOST": host, "OMERO_PORT": port, "OMERO_SESSION": "k"}
    login = find_login(OWN, variables)
    assert login.server == address
    client = omero.client(pmap=login.address.properties())
    try:
        found = client.getCommunicator().getProperties().getProperty("Ice.Default.Router")
        assert found == f"OMERO.Glacier2/router:{router}"
    finally:
        client.getCommunicator().destroy()


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(StageError) as error:
        find_login(OWN, {"OMERO_HOST": "me:s3cr3t@h", "OMERO_SESSION": "k"})
    assert "s3cr3t" not in f"{error.value.cause}{error.value.remedy}"
    assert "OMERO_PASSWORD" in error.value.remedy


@pytest.mark.parametrize(
    "host", ["http://h", "https://h/omero", "h:4064", "tcp://", "tcp://h/x", "h/x", "ssl://h:99999"]
)
def test_what_is_no_address_of_a_server(host: str) -> None:
    with pytest.raises(StageError) as error:
        find_login(OWN, {"OMERO_HOST": host, "OMERO_SESSION": "k"})
    assert error.value.remedy
