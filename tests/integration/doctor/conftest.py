from tests.integration.ingest_omero.conftest import facility
from tests.integration.workflow.conftest import workspace

__all__ = ["facility", "workspace"]
