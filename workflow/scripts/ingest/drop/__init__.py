"""Drop folders: trees that microscopes and people put files into, scanned for settled filesets."""
