"""Offline pre-training of codecs: data, loops and checkpoints."""
