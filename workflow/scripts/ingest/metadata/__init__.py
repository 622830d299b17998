"""Tables of metadata beside the data, put on the images, wells and plates they describe."""
