import sys
from pathlib import Path

from ingest.summary import all_ok

sys.exit(0 if all_ok(Path(snakemake.input.table)) else 1)
