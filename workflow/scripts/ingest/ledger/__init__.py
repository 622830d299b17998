"""The ledger: runs, filesets and every stage event of every run, in a database to ask questions of.

All of it is derived from records and journal and can be made anew from them; nothing reads it to
decide anything. docs/state.md describes its tables.
"""
