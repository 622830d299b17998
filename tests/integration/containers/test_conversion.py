"""Conversions in containers and on the host: what works, and everything that may go wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imageformats
from ingest.config import load
from ingest.context import Context
from ingest.conversion import runtimes
from ingest.fileset import Fileset, Record, StageError
from ingest.journal import Journal
from ingest.stages.convert import STAGE
from tests.fixtures.containers import Images, derive, remove

from .converters import chooser

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
