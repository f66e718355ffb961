"""Judging candidates: the supervisor's side, and the child in which reference and candidate run."""
