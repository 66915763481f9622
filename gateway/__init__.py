"""The gateway: broker and core of a street of devices."""

__version__ = "0.1.0"
