"""Figures of Split DeepJSCC (Tung et al., section IV) and the digital baseline: see docs/split.md."""
