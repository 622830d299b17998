"""Manifests as a test writes them, and what is said of those that are refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ingest.manifest import Manifest, ManifestError, RowProblem

Read = Callable[..., Manifest]


def as_csv(rows: Sequence[dict[str, str]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def problems(read: Read, content: Any, **options: Any) -> list[RowProblem]:
    with pytest.raises(ManifestError) as refused:
        read(content, **options)
    return refused.value.problems
