"""Whether strangers are kept out is found out by delivery, on both brokers."""

import pytest

from lamplighter.gateway.adapters.accounts import Account, mosquitto_password
from lamplighter.gateway.adapters.mqtt import LinkError
from lamplighter.gateway.adapters.probe import probe

GATEWAY, PROBE = Account("gateway", "gateway-password", "gateway"), Account("probe", "probe-password", "operator")


@pytest.fixture
def guarded(mosquitto, tmp_path):
    """guarded(rules, *accounts): a Mosquitto that lets in these only, by these rules; its address."""
    def start(rules, *accounts, anonymous=False):
        (tmp_path / "passwords").write_text("".join(mosquitto_password(one, b"salt-of-12-b") for one in accounts))
        (tmp_path / "rules").write_text("user gateway\ntopic readwrite #\n" + rules)
        return mosquitto(f"allow_anonymous {str(anonymous).lower()}\npassword_file {tmp_path / 'passwords'}\n"
                         f"acl_file {tmp_path / 'rules'}\n")[0].signed_in(GATEWAY.user, GATEWAY.password)
    return start


def test_the_embedded_broker_is_closed(run, embedded):
    """Nobody is let in without a password, and who is let in does not speak for others."""
    async def main():
        async with embedded() as broker:
            url = broker.url.signed_in(GATEWAY.user, GATEWAY.password)
            assert await probe(url, "demo", PROBE) == "not probed"
            await broker.change_accounts(add=[PROBE])
            assert await probe(url, "demo", PROBE) == "closed"
    run(main)


def test_a_broker_without_accounts_is_open(run, mosquitto):
    """What somebody without a password publishes there arrives."""
    async def main():
        assert await probe(mosquitto()[0], "demo", PROBE) == "open"
    run(main)


@pytest.mark.parametrize(("rules", "found"), [
    ("", "closed"), ("pattern write lamplighter/v1/demo/rpc/%u/+\n", "closed"),
    ("user probe\ntopic write lamplighter/v1/demo/rpc/+/+\n", "open"),
    ("user probe\ntopic write lamplighter/v1/demo/node/+/bid\n", "open"),
])
def test_rules_that_let_somebody_speak_for_others_are_open(run, guarded, rules, found):
    """Requests under another's name, or a device's words: by the account ``probe``."""
    async def main():
        assert await probe(guarded(rules, GATEWAY, PROBE), "demo", PROBE) == found
    run(main)


def test_without_the_account_nothing_is_said_of_the_rules(run, guarded):
    """Nobody comes in without a password; what those with one may do was not tried."""
    async def main():
        assert await probe(guarded("", GATEWAY), "demo", PROBE) == "not probed"
    run(main)


def test_rules_count_for_who_has_no_password_too(run, guarded):
    """A stranger who may sign in and is not heard is none to fear; one who is heard is."""
    async def main():
        assert await probe(guarded("", GATEWAY, PROBE, anonymous=True), "demo", PROBE) == "closed"
    run(main)


def test_a_gateway_that_may_not_do_its_work_is_told(run, guarded, monkeypatch):
    """Where it does not hear what it publishes itself, no silence proves anything."""
    monkeypatch.setattr("lamplighter.gateway.adapters.probe.HEAR_S", 0.3)

    async def main():
        url = guarded("user city\ntopic write other\n", GATEWAY, Account("city", "city-password", "gateway"), PROBE)
        with pytest.raises(LinkError, match="the gateway itself"):
            await probe(url.signed_in("city", "city-password"), "demo", PROBE)
    run(main)
