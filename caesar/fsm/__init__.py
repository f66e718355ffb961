"""Specs and machines: YAML in, checked values out, and pure decisions over folded trajectories."""
