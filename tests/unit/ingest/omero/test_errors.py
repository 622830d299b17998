import omero
import omero.all
import omero.cmd

from ingest.omero.errors import refused, server_failure


def test_an_err_response_says_what_failed_and_what_to_do() -> None:
    parameters = {"filename": "/repo/a.tif", "message": "Unknown file format"}
    response = omero.cmd.ERR("::omero::grid::ImportRequest", "import-unknown-format", parameters)
    error = server_failure(response, "/data/a.tif")
    assert "/data/a.tif" in error.cause
    assert "import-unknown-format: Unknown file format" in error.cause
    assert "/repo/a.tif" in error.cause
    assert "convert" in error.remedy


def test_an_unknown_err_response_still_has_a_remedy() -> None:
    response = omero.cmd.ERR("c", "new-name", {"stacktrace": "first line\nsecond line"})
    error = server_failure(response, "/data/a.tif")
    assert error.cause.endswith("new-name: first line")
    assert "Run the same command again" in error.remedy


def test_a_violation_is_not_an_ordinary_failure() -> None:
    violation = refused(omero.SecurityViolation(message="no way"))
    assert "does not permit" in violation.cause
    assert "no way" in violation.cause
    assert "ApiUsageException: bad" in refused(omero.ApiUsageException(message="bad")).cause
