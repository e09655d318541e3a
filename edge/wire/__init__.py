"""Segments to packets and back, and the gRPC endpoints that carry them."""
