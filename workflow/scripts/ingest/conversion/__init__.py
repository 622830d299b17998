"""Converters: programs, mostly in container images, that turn raw files into what OMERO reads."""
