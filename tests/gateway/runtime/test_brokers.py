"""Which broker is used, and as whom."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from lamplighter.gateway.adapters.accounts import PasswordFiles
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.runtime.brokers import open_broker, with_login
from lamplighter.gateway.runtime.settings import PACKET_ROOM, Settings


@pytest.fixture
def opened(tmp_path):
    """opened(broker) gives what a gateway with a fresh registry uses, and that registry."""
    registry = Registry.open(tmp_path)

    def open_(broker, **settings):
        async def main():
            async with AsyncExitStack() as stack:
                told = Settings(data=tmp_path, broker=broker, **settings)
                return await open_broker(told, registry, stack, lambda error: None)
        return (*asyncio.run(asyncio.wait_for(main(), 300)), registry)
    yield open_
    registry.close()


def test_a_named_broker_gets_our_account(opened, tmp_path):
    """Without a user in its address the gateway signs in with its own; accounts are files for its owner to take."""
    url, accounts, registry = opened("mqtt://broker:1884")
    assert (url.host, url.port, url.user, url.password) == ("broker", 1884, "gw1", registry.gateway.password)
    assert isinstance(accounts, PasswordFiles) and (tmp_path / "mosquitto" / "gateway.passwd").exists()
    assert [operator.user for operator in registry.operators()] == ["operator"]   # somebody must be able to ask


def test_a_user_in_the_address_is_kept(opened):
    """Whoever runs the broker knows better."""
    assert opened("mqtt://me:secret@broker")[0].user == "me"


def test_an_address_that_cannot_be_read_is_refused(opened):
    """With what an address looks like."""
    with pytest.raises(LinkError, match="mqtt://"):
        opened("http://broker")


def test_without_a_name_there_is_an_embedded_one(opened):
    """On loopback, signed in as the gateway, ended with the stack."""
    url, accounts, registry = opened("")
    assert url.host == "127.0.0.1" and (url.user, url.password) == ("gw1", registry.gateway.password)
    assert accounts.pid == 0


def test_the_embedded_broker_takes_what_the_setting_says(opened, tmp_path):
    """Its file allows a request of the bound, and room to be told of one beyond it."""
    opened("", max_request=1_000_000)
    assert f"max_payload: {1_000_000 + PACKET_ROOM}\n" in (tmp_path / "broker" / "broker.conf").read_text()


def test_a_url_for_an_operator_holds_the_password():
    """So that it can be given to any client as it stands."""
    assert with_login(BrokerUrl.parse("mqtts://h:9?ca=x"), "op", "pw") == "mqtts://op:pw@h:9"
