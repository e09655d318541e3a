"""Figures of SMRC (Mortaheb et al., "Semantic Multi-Resolution Communications") on our models: see docs/smrc.md."""
