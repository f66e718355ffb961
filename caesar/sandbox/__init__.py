"""Running what nobody trusts: `zygote.Zygote` runs a `job.Job` in a child and kills all it started.

At this tier nothing keeps a child from what its user may read, write or kill; results carry trust none.
"""
