# How a device restarts itself. Like ports, but in the heap only where needed.
import os
import sys

_WHY = "lamplighter.why"  # a word in the current folder


def restart(why):
    # Ends this life of the device; the next one says why.
    try:
        with open(_WHY, "wb") as file:
            file.write(why)
    except OSError:
        pass  # a flash that is full, or broken
    try:
        from machine import reset
    except ImportError:
        reset = sys.exit  # whoever started us does it again
    reset()


def last_word():
    # Why the life before this one ended, None where it did not end itself.
    try:
        with open(_WHY, "rb") as file:
            why = file.read().decode()
        os.remove(_WHY)
    except OSError:
        return None
    return why or None
