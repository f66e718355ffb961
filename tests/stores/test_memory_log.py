from contextlib import nullcontext

from contracts.eventlog import NOW_US, EventLogContract

from caesar.stores.memory import MemoryEventLog


class TestMemoryEventLog(EventLogContract):
    def open_log(self, folder):
        return nullcontext(MemoryEventLog(lambda: NOW_US))
