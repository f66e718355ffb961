"""For all tests: a property holds or not, however long the machine takes over an example."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # the usual 200 ms pass while others have the core
settings.load_profile("untimed")
