"""Suites of problems in KernelBench's format, and the starter suite's files."""
