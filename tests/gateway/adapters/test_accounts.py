"""Accounts and rules as Mosquitto reads them, tried on the configuration that deploy/ ships."""

import asyncio
import signal
import socket
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from lamplighter.firmware.wire import node_topic
from lamplighter.gateway.adapters.accounts import Account, PasswordFiles, mosquitto_password, mosquitto_rules
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, MqttLink, Publication
from lamplighter.gateway.protocol.topics import gateway_topic, reply_topic, rpc_topic, task_topic

SHIPPED = Path(__file__).parents[3] / "deploy" / "mosquitto"
A, B = "a" * 16, "b" * 16
GATEWAY = Account("gw1", "gateway-password", "gateway")
LISTENERS = {"device": "8883", "people": "1883 127.0.0.1", "operator": "8884"}


def to(node, leaf):
    return node_topic("demo", node, leaf)


class Deployed:
    """The shipped Mosquitto with its paths and ports moved to where a test may be."""

    def __init__(self, folder, mosquitto, people):
        self.etc, self.written = folder / "etc", folder / "written"
        (self.etc / "accounts").mkdir(parents=True)
        subprocess.run([SHIPPED / "make-certificates", self.etc, "localhost", "127.0.0.1"], check=True)
        for rules in SHIPPED.glob("*.acl"):
            (self.etc / rules.name).write_text(rules.read_text())
            (self.etc / rules.name).chmod(0o600)
        self.files = PasswordFiles(self.written, [GATEWAY, people["a"], people["b"], people["city"]])
        asyncio.run(self.files.change_accounts())
        self.take()
        text = (SHIPPED / "lamplighter.conf").read_text().replace("/etc/mosquitto/lamplighter", str(self.etc))
        self.ports = {}
        for name, listener in LISTENERS.items():
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[name] = probe.getsockname()[1]
            assert f"listener {listener}\n" in text
            text = text.replace(f"listener {listener}\n", f"listener {self.ports[name]} 127.0.0.1\n")
        self.process = mosquitto(text)

    def take(self):
        """What the path unit does on the mark of the gateway."""
        assert (self.written / "changed").exists()
        subprocess.run([SHIPPED / "take-accounts", self.written, self.etc / "accounts"], check=True)
        assert not (self.written / "changed").exists()

    def url(self, account, listener=""):
        listener = listener or ("device" if account.role == "device" else "people")
        tls = listener != "people"
        return BrokerUrl("localhost" if tls else "127.0.0.1", self.ports[listener], account.user, account.password,
                         tls, str(self.etc / "ca.pem") if tls else "")


@pytest.fixture
def deployed(tmp_path, mosquitto_bare, people):
    return Deployed(tmp_path, mosquitto_bare, people)


def test_the_shipped_rules_are_the_ones_of_the_embedded_broker():
    """Every rule in deploy/ comes from the one table, and nothing else stands there."""
    for name, role in (("device", "device"), ("operator", "operator"), ("people", "operator")):
        lines = [line for line in (SHIPPED / f"{name}.acl").read_text().splitlines() if line and line[0] != "#"]
        expected = mosquitto_rules("demo", role).splitlines()
        assert lines == expected + (["user gw1", "topic readwrite #"] if name == "people" else [])


def test_a_password_line_is_what_mosquitto_writes():
    """Name, scheme 7, iterations, salt and hash, as `mosquitto_passwd` lays them out (checked against OpenSSL)."""
    line = mosquitto_password(Account("me", "password-1", "device"), b"salt-of-12-b")
    options = ("digest:SHA512", "pass:password-1", "salt:salt-of-12-b", "iter:101")
    made = subprocess.run(["openssl", "kdf", "-keylen", "64", *(word for one in options for word in ("-kdfopt", one)),
                           "-binary", "PBKDF2"], check=True, capture_output=True).stdout
    assert line == f"me:$7$101${b64encode(b'salt-of-12-b').decode()}${b64encode(made).decode()}\n"


def test_the_shipped_broker_delivers_only_what_is_allowed(run, deployed, people, together):
    """Over TLS and loopback: devices and operators are heard on, and hear, nothing but their own topics."""
    async def main():
        will = Publication(to(A, "status"), b"forbidden", 1, True)
        async with together(
                (deployed.url(GATEWAY), "gw1", {"subscriptions": [("#", 1)]}), (deployed.url(people["a"]), "a", {}),
                (deployed.url(people["b"]), "b", {"will": will}),
                (deployed.url(people["city"], "operator"), "city", {})) as (gateway, a, b, city):
            await b.asks(to(A, "lease"), to(A, "result"), to("+", "lease"), "#", "lamplighter/#", "$SYS/#",
                         rpc_topic("demo", "city", "+"), to(B, "lease"))
            await city.asks(to(A, "lease"), to(A, "result"), "#", reply_topic("demo", "other"), "$SYS/#",
                            task_topic("demo", "#", "").rstrip("/"), reply_topic("demo", "city"))
            for topic in (to(B, "result"), to(B, "status"), to(A, "lease"), rpc_topic("demo", "city", "node.list"),
                          "other", gateway_topic("demo", "g", "status")):
                a.link.publish(topic, b"forbidden", 1, True)
            for topic in (to(A, "lease"), to(A, "result"), task_topic("demo", "t", "result"), "other",
                          rpc_topic("demo", "operator", "task.list"), reply_topic("demo", "city")):
                city.link.publish(topic, b"forbidden", 1, True)
            b.link._wire.transport.abort()
            await b.until(lambda: b.ups == 2)
            await b.asks(to(A, "lease"), to(B, "lease"))
            a.link.publish(to(A, "result"), b"result")
            city.link.publish(rpc_topic("demo", "city", "task.submit"), b"request")
            await gateway.has(b"result", b"request")
            for topic in (to(A, "lease"), rpc_topic("demo", "city", "x"), reply_topic("demo", "other"), "other"):
                gateway.link.publish(topic, b"secret", 1, True)
            gateway.link.publish(task_topic("demo", "t", "result"), b"answer")
            gateway.link.publish(reply_topic("demo", "city"), b"reply")
            gateway.link.publish(to(B, "lease"), b"lease")
            await b.has(b"lease")
            await city.has(b"answer", b"reply")
            assert b.got == [(to(B, "lease"), b"lease")]
            assert sorted(payload for _, payload in city.got) == [b"answer", b"reply"]
            assert b"forbidden" not in [payload for _, payload in gateway.got]
    run(main)


def test_a_client_id_cannot_be_taken_by_another_device(run, deployed, people, together):
    """A device that gives another's client id is known by its own account, and the other stays connected."""
    async def main():
        async with together(
                (deployed.url(people["a"]), A, {"subscriptions": [(to(A, "lease"), 1)]}),
                (deployed.url(people["b"]), A, {}), (deployed.url(GATEWAY), "gw1", {})) as (a, b, gateway):
            gateway.link.publish(to(A, "lease"), b"lease")
            await a.has(b"lease")
            assert a.downs == b.downs == []
    run(main)


def test_nobody_signs_in_where_they_do_not_belong(run, deployed, people):
    """Each listener knows its own accounts only, and none lets anonymous clients in."""
    async def main():
        for account, listener in ((people["a"], "people"), (people["a"], "operator"), (people["city"], "device"),
                                  (GATEWAY, "device"), (GATEWAY, "operator"),
                                  (Account(A, "wrong-password", "device"), "device")):
            with pytest.raises(LinkError, match="refuses user"):
                await MqttLink(deployed.url(account, listener), "x", on_message=print).start()
        for listener in LISTENERS:
            with pytest.raises(LinkError):
                await MqttLink(deployed.url(GATEWAY, listener).signed_in("", ""), "x", on_message=print).start()
    run(main)


def test_new_accounts_come_into_force_with_a_reload(run, deployed, people, together):
    """After the files are taken and Mosquitto is told, newcomers get in, the removed do not, the rest stay."""
    async def main():
        new = Account("c" * 16, "c-password", "device")
        async with together((deployed.url(people["a"]), A, {})) as (a,):
            await deployed.files.change_accounts(add=[new], remove=[B])
            deployed.take()
            deployed.process.send_signal(signal.SIGHUP)
            async with together((deployed.url(GATEWAY), "gw1", {"subscriptions": [(to("+", "result"), 1)]})) as (gw,):
                while True:
                    link = MqttLink(deployed.url(new), "x", on_message=print)
                    try:
                        await link.start()
                        break
                    except LinkError:
                        pass
                link.publish(to("c" * 16, "result"), b"new")
                await gw.has(b"new")
                await link.stop()
            with pytest.raises(LinkError, match="refuses user"):
                await MqttLink(deployed.url(people["b"]), "x", on_message=print).start()
            assert a.downs == []
    run(main)
