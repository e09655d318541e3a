"""Transceivers, one file each, behind one interface (contract.py) and one registry (registry.py)."""
