"""Prompts as pure functions of a problem and its turns, and candidates out of completions."""
