"""The command line: the only room that prints, reads the environment and chooses folders."""
