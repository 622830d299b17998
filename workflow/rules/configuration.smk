# Where the libraries lie, and a look at the configuration before Snakemake reads it: that would end
# at some mistakes without a word that helps, and pass over others.

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
LIBRARIES = [str(ROOT), str(ROOT / "workflow" / "scripts")]
sys.path[:0] = LIBRARIES
# Jobs and the embedded server are processes of their own and need the same libraries.
earlier = os.environ.get("PYTHONPATH")
os.environ |= {"PYTHONPATH": os.pathsep.join([*LIBRARIES, *([earlier] if earlier else [])])}

from ingest.config_errors import ConfigError
from ingest.config_text import check_file

if workflow.is_main_process:
    try:
        for file in dict.fromkeys(["config/config.yaml", *workflow.configfiles]):
            check_file(Path(file))
    except ConfigError as error:
        raise WorkflowError(str(error)) from None
