"""Where the event log is kept: `eventlog.SqliteEventLog`, and `memory.MemoryEventLog` for tests.

Nothing here knows what events mean or decides anything; it keeps, chains and returns them.
"""
