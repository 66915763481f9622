"""The gateway: broker and core of a street of devices."""

from lamplighter.firmware import __version__ as __version__
