"""What runs on a device: wire format, codecs, training and the node daemon."""
