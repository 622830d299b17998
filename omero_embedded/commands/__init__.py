"""omero.cmd: requests, the handles they are followed by, and what carries them out."""
