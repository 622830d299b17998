"""Converts one file and waits; the test kills it: `python -m ... <folder> <options> <row>`."""

import json
import sys
from pathlib import Path

from ingest.fileset import Fileset, Record
from ingest.stages.convert import STAGE
from tests.integration.containers.rig import context_of

if __name__ == "__main__":
    folder, options, source, convert = sys.argv[1:]
    context = context_of(Path(folder), json.loads(options))
    STAGE.run(Fileset("a", 2, source, convert=convert), Record("a", "plan", "notneeded"), context)
