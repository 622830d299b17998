"""audit: compares what OMERO says, the journal and the disks. It repairs nothing."""
