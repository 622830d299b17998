"""Orders that OMERO.biomero's web page writes to a PostgreSQL database: taken, done, told.

docs/orders.md describes what becomes of them.
"""
