"""Notices through a real mail server and a real web server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from ingest.config import ConfigError, load
from ingest.notify import Notify, tell_failure

VERDICT = "1 of 2 filesets is in OMERO.\n\n  plate-ä (import)\n    cause: the disk is full"


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, loop = Mailbox(), asyncio.new_event_loop()
    serving = loop.create_server(lambda: SMTP(box, hostname="mail", loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(serving)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box, server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


class Hook(BaseHTTPRequestHandler):
    got: list[tuple[str, dict[str, str], Any]]
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(self.answer)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.got.append((self.path, dict(self.headers), None))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def hook() -> Iterator[tuple[type[Hook], str]]:
    kind = type("Once", (Hook,), {"got": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield kind, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def options(**notify: Any) -> Notify:
    return load({"notify": notify}).notify


def test_the_verdict_is_mailed(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    mail = {"to": ["a@lab.example", "b@lab.example"], "from": "omero@lab.example"}
    warnings: list[str] = []
    tell_failure(
        options(mail={**mail, "smtp": f"127.0.0.1:{port}"}), "results", VERDICT, warnings.append
    )
    (envelope,) = box.mails
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert envelope.rcpt_tos == ["a@lab.example", "b@lab.example"]
    assert message["From"] == "omero@lab.example"
    assert "results" in message["Subject"] and socket.gethostname() in message["Subject"]
    assert message.get_content().strip().splitlines() == VERDICT.splitlines()
    assert warnings == []


def test_a_password_is_not_sent_unencrypted(
    mailbox: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, port = mailbox
    monkeypatch.setenv("OMERO_INGEST_SMTP_USER", "me")
    monkeypatch.setenv("OMERO_INGEST_SMTP_PASSWORD", "s3cr3t")
    warnings: list[str] = []
    asked = options(mail={"to": ["a@lab.example"], "smtp": f"127.0.0.1:{port}"})
    tell_failure(asked, "results", VERDICT, warnings.append)
    assert box.mails == [] and len(warnings) == 1 and "s3cr3t" not in warnings[0]


def test_a_webhook_is_called(hook: tuple[type[Hook], str], monkeypatch: pytest.MonkeyPatch) -> None:
    kind, address = hook
    monkeypatch.setenv("OMERO_INGEST_WEBHOOK_TOKEN", "t0ken")
    warnings: list[str] = []
    tell_failure(options(webhook=f"{address}/plain"), "results", VERDICT, warnings.append)
    monkeypatch.setenv("OMERO_INGEST_WEBHOOK", f"{address}/s3cr3t")
    tell_failure(options(webhook=f"{address}/plain"), "results", VERDICT, warnings.append)
    assert [path for path, _, _ in kind.got] == ["/plain", "/s3cr3t"]
    for _, headers, body in kind.got:
        assert headers["Authorization"] == "Bearer t0ken"
        assert body["text"].endswith(VERDICT) and body["results"] == "results"
    assert warnings == []


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(
    hook: tuple[type[Hook], str], monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    kind, address = hook
    kind.answer = answer
    monkeypatch.setenv("OMERO_INGEST_WEBHOOK_TOKEN", "t0ken")
    warnings: list[str] = []
    tell_failure(options(webhook=address), "results", VERDICT, warnings.append)
    assert [path for path, _, _ in kind.got] == ["/"]
    assert len(warnings) == 1 and str(answer) in warnings[0]


def test_what_cannot_be_sent_is_a_warning(
    hook: tuple[type[Hook], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, address = hook
    kind.answer = 500
    monkeypatch.setenv("OMERO_INGEST_WEBHOOK", f"{address}/s3cr3t")
    warnings: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        mail = {"to": ["a@lab.example"], "smtp": f"127.0.0.1:{taken.getsockname()[1]}"}
        tell_failure(options(mail=mail), "results", VERDICT, warnings.append)
    assert len(warnings) == 2 and "500" in warnings[1]
    assert not any("s3cr3t" in warning for warning in warnings)


def test_an_address_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMERO_INGEST_WEBHOOK", "http://127.0.0.1:1/s3cr3t s3cr3t")
    warnings: list[str] = []
    tell_failure(options(), "results", VERDICT, warnings.append)
    (warning,) = warnings
    assert "s3cr3t" not in warning


def test_nobody_is_told_by_default() -> None:
    warnings: list[str] = []
    tell_failure(options(), "results", VERDICT, warnings.append)
    assert warnings == []


@pytest.mark.parametrize(
    "notify",
    [
        {"mail": {"to": ["nobody"]}},
        {"mail": {"to": ["a@b\nBcc: c@d"]}},
        {"mail": {"smtp": "mail.example"}},
        {"mail": {"smtp": "mail.example:99999"}},
        {"webhook": "file:///etc/passwd"},
        {"webhook": "https://me:s3cr3t@hooks.example/ingest"},
    ],
)
def test_what_no_notice_can_be_sent_with_is_refused(notify: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        options(**notify)
    assert "s3cr3t" not in str(refused.value)
