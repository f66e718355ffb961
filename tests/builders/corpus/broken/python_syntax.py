# expected: syntax_error: candidate.py
def ModelNew(:
    pass
