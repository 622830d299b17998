"""doctor: whether a run will work, found out before it, without changing anything."""
