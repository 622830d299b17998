from tests.integration.ingest_omero.conftest import rig, server
from tests.integration.workflow.conftest import workspace

__all__ = ["rig", "server", "workspace"]
