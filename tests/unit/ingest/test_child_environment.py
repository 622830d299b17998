"""Secrets in the environment reach neither converters nor logs."""

from __future__ import annotations

import pytest

from ingest.child_environment import child_environment, secrets_here
from ingest.ledger.schema import VARIABLE as LEDGER
from ingest.notify import SMTP_PASSWORD, WEBHOOK, WEBHOOK_TOKEN
from ingest.orders.tables import VARIABLE as ORDERS

SECRETS = ["OMERO_PASSWORD", "OMERO_SESSION", LEDGER, ORDERS, SMTP_PASSWORD, WEBHOOK, WEBHOOK_TOKEN]


def test_every_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*SECRETS, "OMERO_HOST", "OMERO_USER", "INGEST_CONFIG", "HOME"]:
        monkeypatch.setenv(name, "x")
    assert secrets_here() == sorted(SECRETS)
    assert child_environment().keys().isdisjoint(SECRETS)
