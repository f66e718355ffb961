"""Caesar: multi-turn LLM kernel generation on KernelBench, as checked state machines over an event log."""
