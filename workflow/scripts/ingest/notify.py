"""Telling people that a run failed: a mail, a webhook. At most one of each per run.

What is told is the verdict. Secrets come from the environment alone. A notice that cannot be sent
is a warning, and never changes how a run ends.
"""

from __future__ import annotations

import json
import os
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from http.client import HTTPException
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ingest.config_errors import bad_option
from ingest.config_types import Section

SMTP_USER = "OMERO_INGEST_SMTP_USER"
SMTP_PASSWORD = "OMERO_INGEST_SMTP_PASSWORD"
WEBHOOK = "OMERO_INGEST_WEBHOOK"  # in place of the option: some addresses are secrets themselves
WEBHOOK_TOKEN = "OMERO_INGEST_WEBHOOK_TOKEN"

TIMEOUT = 20.0  # seconds
_ENCRYPTED = 465  # the port of SMTP within TLS


def _address(value: str) -> str:
    name, at, domain = value.rpartition("@")
    if not (name and at and domain) or not value.isprintable() or " " in value:
        raise bad_option("is not a mail address", "Write one like anna@lab.example.")
    return value


def _web(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise bad_option("is not a web address", "Write one that begins with https://.")
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise bad_option(
            "names a user, and perhaps a password",
            "Give such an address by OMERO_INGEST_WEBHOOK, in the environment.",
            is_secret=True,
        )
    return value


MailAddress = Annotated[str, AfterValidator(_address)]


class Mail(Section):
    """Mail: to whom, and through which server."""

    to: tuple[MailAddress, ...] = Field(
        default=(), description="Recipients. Empty: no mail is sent."
    )
    sender: MailAddress = Field(
        default="omero-ingest@localhost", alias="from", description="Sender."
    )
    smtp: str = Field(
        default="localhost:25",
        description="The mail server, NAME:PORT. The connection is encrypted if the server can, "
        "and always with port 465. User and password come from OMERO_INGEST_SMTP_USER and "
        "OMERO_INGEST_SMTP_PASSWORD.",
    )

    @model_validator(mode="after")
    def _has_a_port(self) -> Mail:
        host, _, port = self.smtp.rpartition(":")
        if not host or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise bad_option(
                "notify.mail.smtp is not NAME:PORT", "Write one like mail.example:587."
            )
        return self


class Notify(Section):
    """Who is notified when a run fails (docs/state.md). By default, nobody."""

    mail: Mail = Mail()
    webhook: Annotated[str, AfterValidator(_web)] = Field(
        default="",
        description="URL to which a JSON object is POSTed, with the verdict as its `text`. Pass "
        "a secret URL as OMERO_INGEST_WEBHOOK in the environment instead, and a token as "
        "OMERO_INGEST_WEBHOOK_TOKEN.",
    )


def tell_failure(options: Notify, results: str, words: str, warn: Callable[[str], None]) -> None:
    """Tells who is to be told that the run over `results` failed; `words` is its verdict."""
    host = socket.gethostname()
    subject = f"OMERO ingest failed: {results} on {host}"
    if options.mail.to:
        _attempt("mail", lambda: _send_mail(options.mail, subject, words), warn)
    address = os.environ.get(WEBHOOK, "").strip() or options.webhook
    if address:
        notice = {"text": f"{subject}\n\n{words}", "results": results, "host": host}
        _attempt("webhook", lambda: _post(address, notice), warn)


def _attempt(what: str, send: Callable[[], None], warn: Callable[[str], None]) -> None:
    try:
        send()
    except (OSError, smtplib.SMTPException, HTTPException, ValueError) as error:
        # Only codes and the system's words: an error's own may hold an address with a secret.
        reason = getattr(error, "smtp_code", None) or getattr(error, "code", None)
        cause = getattr(error, "reason", error)  # of a URLError
        reason = reason or (cause.strerror if isinstance(cause, OSError) else "") or ""
        warn(f"The {what} about the failure was not sent: {type(error).__name__} {reason}")


def _send_mail(mail: Mail, subject: str, words: str) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message.set_content(words.encode("utf-8", "backslashreplace").decode())
    host, _, port = mail.smtp.rpartition(":")
    user, password = os.environ.get(SMTP_USER), os.environ.get(SMTP_PASSWORD)
    trusted = ssl.create_default_context()
    if int(port) == _ENCRYPTED:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT, context=trusted)
    else:
        server = smtplib.SMTP(host, int(port), timeout=TIMEOUT)
    with server:
        server.ehlo()
        encrypted = isinstance(server, smtplib.SMTP_SSL)
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=trusted)
            encrypted = True
        if user and password:
            if not encrypted:
                raise ValueError("a password is not sent unencrypted")
            server.login(user, password)
        server.send_message(message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: the notice would become a GET without it, and the token go along."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _post(address: str, notice: dict[str, str]) -> None:
    headers = {"Content-Type": "application/json"}
    token = os.environ.get(WEBHOOK_TOKEN, "").strip()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address, json.dumps(notice).encode(), headers)
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT):
        pass
