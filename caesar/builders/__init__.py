"""Turning candidates into something evaluators can load: `inline.InlineBuilder`."""
