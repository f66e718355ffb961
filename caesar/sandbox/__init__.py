"""Running what nobody trusts: `zygote.Zygote` runs a `job.Job` in a child and kills all it started.

The job's `box.Box` says how far the child is shut in; `probe.probe` finds how far this machine can.
"""
