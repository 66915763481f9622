"""A machine with devices and toy tasks, for the tests of what may be seen of it."""

from tests.gateway.city import city, make_city, pair

__all__ = ["city", "make_city", "pair"]
