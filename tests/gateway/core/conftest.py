"""A machine with devices and toy tasks, for the tests of the core."""

from tests.gateway.city import city, make_city, of, pair

__all__ = ["city", "make_city", "of", "pair"]
