"""Figures and upstream's files, computed from the log by the SQL of analysis/ and nothing else.

Everything here can be deleted and rebuilt. The room reads two relations that the caller hands in, so
that it knows neither the store's file nor its compression, and it never writes to the log.
"""
