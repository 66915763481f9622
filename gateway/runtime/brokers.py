"""The broker to use, signed in as the gateway: the one that was named, or an embedded child."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from lamplighter.gateway.adapters.accounts import PasswordFiles
from lamplighter.gateway.adapters.broker import BrokerError, EmbeddedBroker
from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.runtime.enrolment import Accounts
from lamplighter.gateway.runtime.settings import PACKET_ROOM, Settings


async def open_broker(settings: Settings, registry: Registry, stack: AsyncExitStack,
                      fail: Callable[[BaseException], None]) -> tuple[BrokerUrl, Accounts]:
    """Its address, and where accounts are changed; an embedded one ends with ``stack``.

    ``fail`` hears of an embedded broker that cannot be kept running. Raises BrokerError, LinkError, RegistryError,
    OSError.
    """
    if not registry.operators():
        registry.add_operator("operator")
    accounts = registry.accounts(settings.name)
    own = accounts[0]
    if settings.broker:
        given = BrokerUrl.parse(settings.broker)
        files = PasswordFiles(settings.data / "mosquitto", accounts)
        await files.change_accounts()
        return given if given.user else given.signed_in(own.user, own.password), files
    embedded = EmbeddedBroker(settings.data / "broker", settings.site, accounts, port=settings.mqtt_port,
                              max_payload=settings.max_request + PACKET_ROOM,
                              on_failure=lambda sentence: fail(BrokerError(sentence)))
    await stack.enter_async_context(embedded)
    return embedded.url.signed_in(own.user, own.password), embedded


def with_login(broker: BrokerUrl, user: str, password: str) -> str:
    """The broker's URL with a user's password in it."""
    scheme, _, rest = str(broker).partition("://")
    return f"{scheme}://{user}:{password}@{rest}"
