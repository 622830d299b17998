"""Pixels for clients: planes, renderings, thumbnails."""
