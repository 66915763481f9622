# Kernels and contexts this device holds, by name. The least recently used goes first, never one that a held lease
# needs. How they come is the part of fetch.py and loader.py, which are in the heap only then.
import binascii


class Blobs:
    # budget: bytes of blobs held; leases: the agent's list of what it holds, each lease the first of its entry.
    def __init__(self, budget, leases):
        self.budget = budget
        self.held = []         # (name, what a job uses: run function or bytes, bytes counted), oldest use first
        self._leases = leases

    def prefixes(self):
        # Eight hex digits of each blob held, for the bid.
        return [binascii.hexlify(held[0][:4]).decode() for held in self.held[-32:]]

    def get(self, name):
        # The blob, now the most recently used; None where it is not held.
        for held in self.held:
            if held[0] == name:
                self.held.remove(held)
                self.held.append(held)
                return held[1]
        return None

    def evict(self):
        # Lets the oldest go and returns its bytes. Raises MemoryError when leases need all there is.
        for held in self.held:
            for entry in self._leases:
                if held[0] == entry[0].kernel or held[0] in entry[0].contexts:
                    break
            else:
                self.held.remove(held)
                return held[2]
        raise MemoryError

    def clear(self):
        # Lets all go that no lease needs: there was no room for what is.
        try:
            while True:
                self.evict()
        except MemoryError:
            pass
