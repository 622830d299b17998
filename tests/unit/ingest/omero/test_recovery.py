import pytest

from ingest.omero.recovery import state_of


@pytest.mark.parametrize(
    ("images", "digests", "verified", "is_open", "state"),
    [
        (2, ["aa", "bb"], True, True, "complete"),
        (2, ["aa", "bb"], True, False, "complete"),
        (0, ["", ""], False, True, "unfinished"),
        (0, ["aa", "bb"], False, True, "unfinished"),
        (0, ["aa", "bb"], True, True, "running"),
        (0, ["aa", "bb"], True, False, "unfinished"),
        (2, ["aa", ""], True, False, "unfinished"),
    ],
)
def test_state(images: int, digests: list[str], verified: bool, is_open: bool, state: str) -> None:
    assert state_of(images, digests, verified, is_open) == state
