"""Takes back: links led to where storage was moved (relink), imports taken out (rollback)."""
