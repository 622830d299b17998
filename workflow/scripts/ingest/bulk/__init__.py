"""Bulk files of `omero import --bulk`, and IDR's lists of files, as manifests."""
