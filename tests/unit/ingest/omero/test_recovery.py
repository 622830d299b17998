import pytest

from ingest.omero import recovery
from ingest.omero.importer import StillRunning
from ingest.omero.recovery import state_of


@pytest.mark.parametrize(
    ("images", "digests", "is_processed", "verified", "may_run", "state"),
    [
        (2, ["aa", "bb"], True, True, True, "complete"),
        (2, ["aa", "bb"], True, True, False, "complete"),
        (2, ["aa", "bb"], False, True, True, "running"),
        (2, ["aa", "bb"], False, True, False, "unfinished"),
        (0, ["", ""], False, False, True, "unfinished"),
        (0, ["aa", "bb"], False, False, True, "unfinished"),
        (0, ["aa", "bb"], False, True, True, "running"),
        (0, ["aa", "bb"], True, True, False, "unfinished"),
        (2, ["aa", ""], True, True, False, "unfinished"),
    ],
)
def test_state(
    images: int,
    digests: list[str],
    is_processed: bool,
    verified: bool,
    may_run: bool,
    state: str,
) -> None:
    assert state_of(images, digests, is_processed, verified, may_run) == state


def test_an_import_that_does_not_settle_in_time_is_unfinished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "import_state", lambda *_: "running")
    with pytest.raises(StillRunning) as running:
        recovery._settled(None, 12, 3, 0.0)  # type: ignore[arg-type]
    assert running.value.cause.startswith("Fileset:12, begun by an earlier run, is still being")
    assert "delete Fileset:12 in OMERO" in running.value.remedy
    assert "import.wait" in running.value.remedy
