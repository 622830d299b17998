"""Write the demo's images: `python workflow/scripts/demo_data.py FOLDER` (demo-data by default)."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest.demo.filesets import write_demo

MICROGRAPHS = Path(__file__).parents[2] / "tests" / "fixtures" / "micrographs"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-data")
    written = write_demo(folder, MICROGRAPHS)
    print(
        f"{folder}: {len(written)} files written" if written else f"{folder}: all files are there"
    )


if __name__ == "__main__":
    main()
