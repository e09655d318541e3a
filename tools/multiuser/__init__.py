"""Figures of "Optimizing Multi-User Semantic Communication via Transfer Learning and Knowledge Distillation"."""
