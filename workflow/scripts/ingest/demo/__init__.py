"""The demo's images: files that look like a facility's, written in a second or two."""
