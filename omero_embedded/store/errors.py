"""OMERO's exceptions with a message."""

from __future__ import annotations

import omero


def invalid(message: str) -> Exception:
    """omero.ValidationException: what was asked for cannot be kept."""
    return omero.ValidationException(None, None, message)


def forbidden(message: str) -> Exception:
    """omero.SecurityViolation: the actor may not do that."""
    return omero.SecurityViolation(None, None, message)


def outdated(message: str) -> Exception:
    """omero.OptimisticLockException: somebody else has changed it meanwhile."""
    return omero.OptimisticLockException(None, None, message)


def across_groups(message: str) -> Exception:
    """omero.GroupSecurityViolation: objects of different groups were to be linked."""
    return omero.GroupSecurityViolation(None, None, message)


def bad_query(message: str) -> Exception:
    """omero.QueryException: HQL that cannot be answered."""
    return omero.QueryException(None, None, message)


def misused(message: str) -> Exception:
    """omero.ApiUsageException: a call that makes no sense."""
    return omero.ApiUsageException(None, None, message)
