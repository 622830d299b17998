"""A small soak in the suite; `make soak` is the long one."""

from __future__ import annotations

import random
from pathlib import Path

from tests.soak.kills import Soak


def test_jobs_and_the_server_killed_at_random_moments(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    soak = Soak(tmp_path, kills=25, seed=seed)
    soak.run()
    assert soak.killed >= 25
    assert soak.server_killed >= 1
