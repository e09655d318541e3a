"""Generated from proto/; see tools/generate_proto.py."""
