"""Makes what runs share once, though two of them miss it at the same moment.

OMERO has neither unique names nor locks. So whoever is about to make something says so first, by
an annotation in OMERO (a claim), and looks then who else does. Of two that do this at once, the one
whose claim is saved last sees the other's. Whoever sees another's takes its own back and tries
again a little later: so nothing is made while two claims are there, and who comes second finds it.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import omero.all
import omero.cmd
import omero.model
from omero.rtypes import rstring

from ingest.omero import queries
from ingest.omero.session import Session

# By the server's clock: a claim this old was left by a run that was killed.
STALE = 60.0  # seconds
# After which one's own claim is made anew. The rest of STALE is for making, a call or two.
_FRESH = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_RUN = uuid.uuid4().hex

T = TypeVar("T")


def found_or_made(
    session: Session, what: str, find: Callable[[], T | None], make: Callable[[], T]
) -> T:
    """What `find` returns, or `make` when that is None. `what` names it within the group.

    Nothing is written when it is found. Others that do the same with the same `what`, in other
    processes and on other machines, make it once between them, unless one of them is held up for
    more than STALE seconds between its claim and what it makes.
    """
    pause = _FIRST_PAUSE
    while (found := find()) is None:
        with _claim(session, what) as is_alone:
            if is_alone:
                found = find()
                return make() if found is None else found
        # Not all at the same time again.
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return found


@contextmanager
def _claim(session: Session, what: str) -> Iterator[bool]:
    """Claims `what` for the block, and tells whether no one else does."""
    began = time.monotonic()
    claim = omero.model.CommentAnnotationI()
    claim.setNs(rstring(queries.CLAIM_NAMESPACE))
    claim.setTextValue(rstring(what))
    # A process makes one thing at a time: another claim of its own is one that was saved when the
    # connection, and the answer with it, was lost.
    owner = f"{_RUN}-{os.getpid()}"
    claim.setDescription(rstring(owner))
    own = session.save([claim])[0].getId().getValue()
    remove = [own]
    try:
        claims = queries.claims(session, what)
        now = claims[own][0]
        remove = [
            number
            for number, (made, whose) in claims.items()
            if whose == owner or now - made > STALE
        ]
        yield len(remove) == len(claims) and time.monotonic() - began < _FRESH
    finally:
        # One by one: another's that may not be removed is no reason to keep one's own.
        for number in remove:
            session.submit(omero.cmd.Delete2(targetObjects={"Annotation": [number]}))
