"""Segments to packets and back, and the gRPC endpoints that carry them."""

from __future__ import annotations

import os

# gRPC reads it once, when it is first imported. Its own log lines would stand beside our one sentence.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
