"""Runs trajectories: plans a run, advances its trajectories, records every event, retries faults."""
