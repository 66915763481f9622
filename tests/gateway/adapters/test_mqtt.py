"""The link to a broker: nothing acknowledged too early, nothing lost, nothing unbounded, whatever the peer sends."""

import asyncio
import contextlib
import random
import signal
import socket
import subprocess

import pytest

from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, MqttLink, Publication

CONNACK, SUBACK = b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01"


def publish_packet(topic, payload, mid):
    """A PUBLISH of QoS 1 as a broker would send it (MQTT 3.1.1, section 3.3)."""
    body = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + payload
    return bytes((0x32, len(body))) + body


class Peer:
    """A broker under the test's thumb: accepts one client after another and says what it is told to say."""

    def __init__(self, *says):
        self.says, self.heard, self.accepted, self.writers = list(says), bytearray(), 0, []
        self._news = asyncio.Event()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = BrokerUrl("127.0.0.1", self.server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in self.writers:
            writer.close()

    async def after_hello(self, size):
        """What came after the first packet, once that is so many bytes."""
        while len(self.heard) < 2 or len(self.heard) < 2 + self.heard[1] + size:
            self._news.clear()
            await self._news.wait()
        return self.heard[2 + self.heard[1]:]

    async def _serve(self, reader, writer):
        self.writers.append(writer)
        said = self.says[min(self.accepted, len(self.says) - 1)]
        self.accepted += 1
        writer.write(said)
        try:
            while data := await reader.read(65536):
                self.heard += data
                self._news.set()
        except OSError:
            pass
        writer.close()


def test_both_brokers_carry_messages_of_all_sizes(run, mosquitto, embedded, people, together):
    """From nothing to a megabyte, in order, on Mosquitto and on the embedded broker."""
    async def main():
        payloads = [random.Random(size).randbytes(size) for size in (0, 1, 125, 126, 127, 128, 16384, 1_000_000)]
        async with embedded() as broker:
            gateway = people["gateway"]
            for url in (mosquitto()[0], broker.url.signed_in(gateway.user, gateway.password)):
                async with together((url, "one", {}), (url, "two", {"subscriptions": [("t/#", 1)]})) as (one, two):
                    for payload in payloads:
                        assert one.link.publish("t/x", payload)
                    await two.until(lambda two=two: len(two.got) == len(payloads))
                    assert [payload for _, payload in two.got] == payloads
    run(main)


@pytest.mark.parametrize("inflight", [0, 1, 20])
def test_version_5_is_spoken_where_the_broker_does(run, inflight, mosquitto, embedded, people, client):
    """Mosquitto does: messages of either version arrive, and what an answer is to carry comes back; more than it
    takes unconfirmed waits. The embedded broker refuses, and from then on hears 3.1.1; nothing is lost by it."""
    async def main():
        async with embedded() as broker:
            gateway = people["gateway"]
            conf = f"allow_anonymous true\nmax_inflight_messages {inflight}\nmax_queued_messages 0\n"
            for url in (mosquitto(conf)[0], broker.url.signed_in(gateway.user, gateway.password)):
                five = url.user == ""
                new, old = client(url, "new", five=True, subscriptions=[("t/#", 1)]), client(url, "old")
                new.link.publish("t/x", b"before", correlation=b"7")
                await new.link.start()
                await old.link.start()
                assert new.link._client.five is five
                for number in range(2_000):
                    new.link.publish("t/x", b"%d" % number)
                    new.link.publish("t/y", b"", 0)
                old.link.publish("t/x", b"old")
                await new.until(lambda new=new: len(new.got) >= 4_002)
                await new.has(b"old", b"before")
                own = [payload for topic, payload in new.got if topic == "t/x" and payload != b"old"]
                assert own == [b"before", *(b"%d" % number for number in range(2_000))]
                assert new.properties == ([b"\x09\0\x017"] if five else [])
                await new.link.stop()
                await old.link.stop()
    run(main)


@pytest.mark.parametrize("before", [False, True])
def test_a_session_goes_on_in_version_5(run, mosquitto, together, before):
    """What came for a client while it was away reaches it, whatever it spoke before. What was sent to be kept
    says so, however late it comes; of a session of 3.1.1 Mosquitto forgets to say it."""
    async def main():
        url, _ = mosquitto()
        options = {"subscriptions": [("t/#", 1)], "persistent": True}
        async with together((url, "sender", {})) as (sender,):
            async with together((url, "gw", options | {"five": before})):
                pass
            sender.link.publish("t/kept", b"away", retain=True)
            sender.link.publish("t/kept", b"", retain=True)   # what is not in the session is gone
            await sender.drained()
            async with together((url, "gw", options | {"five": True})) as (client,):
                await client.has(b"away", b"")
                assert client.retained == [("t/kept", b"away"), ("t/kept", b"")] * before
    run(main)


def test_who_hangs_up_on_version_5_is_spoken_to_in_the_older_one(run):
    """With a word or without one; who hangs up on that too is no broker. Later the version stays."""
    async def main():
        for first in (b"\x20\2\0\1", b"\x20\2\0\x84", b"\xff\xff\xff\xff\xff"):
            async with Peer(first, CONNACK, b"\xff\xff\xff\xff\xff") as peer:
                link = MqttLink(peer.url, "x", on_message=print, five=True)
                await link.start()
                assert peer.accepted == 2 and not link._client.five
                await link.stop(0)
                assert bytes(peer.heard).count(b"MQTT\5") == bytes(peer.heard).count(b"MQTT\4") == 1
        async with Peer(b"\xff\xff\xff\xff\xff") as peer:
            with pytest.raises(LinkError, match="closed the connection"):
                await MqttLink(peer.url, "x", on_message=print, five=True).start()
            assert peer.accepted == 2
        async with Peer(b"\x20\3\0\x86\0") as peer:
            with pytest.raises(LinkError, match="refuses user"):
                await MqttLink(peer.url, "x", on_message=print, five=True).start()
            assert peer.accepted == 1
    run(main)


async def until_only(wanted, together, url, options):
    """Connects, and again, until exactly ``wanted`` comes anew: a busy broker takes its time to forget, and one that
    has not noticed yet that the same client is gone may close its next connection."""
    came = set()
    while came != wanted:
        with contextlib.suppress(LinkError):
            async with together((url, "gateway-1", options)) as (client,):
                await client.has(*wanted)
                came = {payload for _, payload in client.got}


def test_what_was_not_acknowledged_comes_again(run, mosquitto, embedded, people, together, monkeypatch):
    """A gateway that dies before its commit gets the messages anew; those it acknowledged stay away, as soon as a
    busy broker has got round to it."""
    monkeypatch.setattr("lamplighter.gateway.adapters.broker.AGAIN_S", 1)

    async def main():
        async with embedded() as broker:
            gateway = people["gateway"]
            for url in (mosquitto()[0], broker.url.signed_in(gateway.user, gateway.password)):
                options = {"subscriptions": [("t", 1)], "persistent": True}
                async with together((url, "sender", {}), (url, "gateway-1", options | {"hold": True})) \
                        as (sender, first):
                    for number in range(4):
                        sender.link.publish("t", b"%d" % number)
                    await first.has(b"3")
                    for message in [held for held in first.held if held.payload in (b"0", b"1")]:
                        first.link.acknowledge(message)   # one may have come twice by now
                    first.link.publish("else", b"")
                    await first.drained()   # by now the broker has read what was said before it
                    await first.link.stop()
                    sender.link.publish("t", b"while away")
                    wanted = {b"2", b"3", b"while away"}
                    await until_only(wanted, together, url, options | {"hold": True})
    run(main)


def test_a_killed_broker_loses_nothing_that_waits_here(run, mosquitto, together, free_port):
    """What is published while the broker is down leaves when it is back, with one notice of each change."""
    async def main():
        url, process = mosquitto()
        async with together((url, "sender", {}), (url, "taker", {"subscriptions": [("t", 1)]})) as (sender, taker):
            process.send_signal(signal.SIGKILL)
            await sender.until(lambda: sender.downs)
            await taker.until(lambda: taker.downs)
            assert sender.link.publish("t", b"kept")
            assert not sender.link.publish("t", b"dropped", qos=0)
            assert not sender.link.up and sender.link.unsent == 1
            await asyncio.to_thread(mosquitto)
            await taker.until(lambda: taker.ups == 2)
            await sender.drained()
            sender.link.publish("t", b"after")
            await taker.has(b"after")
            assert sender.link.counters.dropped == 1
            assert all("No broker answers" in reason or index == 0 for index, reason in enumerate(taker.downs))
    run(main)


def test_the_network_is_not_read_while_too_much_is_open(run, mosquitto, together):
    """At most ``max_open`` messages are handed out before one is acknowledged; then the rest follows."""
    async def main():
        url, _ = mosquitto("allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n")
        async with together((url, "sender", {}), (url, "taker", {"subscriptions": [("t", 1)], "max_open": 10,
                                                                          "hold": True})) as (sender, taker):
            for number in range(300):
                sender.link.publish("t", b"%d" % number)
            await sender.drained()
            sender.link.publish("t", b"", qos=0)
            most = 0
            while len(taker.got) < 301:
                await taker.until(lambda: taker.held)
                most = max(most, len(taker.held))
                while taker.held:
                    taker.link.acknowledge(taker.held.pop())
            assert most == 10
    run(main)


def test_what_leads_to_nothing_is_read_several_at_a_time(run, together):
    """After a turn of messages that were let go the network is not read for a moment; each is confirmed all the
    same, once, and what comes with them is handed out."""
    async def main():
        loud = {"lets_go": lambda topic, _: topic == b"loud"}
        async with Peer(CONNACK) as peer, together((peer.url, "x", loud)) as (client,):
            wire, holds = client.link._wire, []
            hold, wire.hold = wire.hold, lambda held: (holds.append(held), hold(held))
            for mid in range(1, 101):
                peer.writers[0].write(publish_packet(b"loud", b"x", mid))
                await asyncio.sleep(0)
            peer.writers[0].write(publish_packet(b"good", b"y", 101))
            await client.until(lambda: client.got)
            heard = await peer.after_hello(101 * 4)
            confirmed = [int.from_bytes(heard[at + 2:at + 4], "big") for at in range(0, len(heard), 4)]
            assert holds[0] and not holds[-1]
            assert sorted(confirmed) == list(range(1, 102)) and client.got == [("good", b"y")]
    run(main)


def test_outgoing_messages_are_bounded_and_drops_counted(run, together):
    """With a broker that confirms nothing only ``max_outgoing`` are kept, and publish never waits."""
    async def main():
        async with Peer(CONNACK) as peer, together((peer.url, "x", {"max_outgoing": 5})) as (client,):
            assert [client.link.publish("t", b"x") for _ in range(8)] == [True] * 5 + [False] * 3
            assert client.link.counters.dropped == 3 and client.link.unsent == 5
            assert [client.link.publish("t", b"x", 0) for _ in range(8)] == [True] * 5 + [False] * 3
    run(main)


def test_messages_of_one_turn_leave_in_one_write_and_without_delay(run, together):
    """A burst is one segment, and TCP_NODELAY is set, so that no answer waits for a delayed acknowledgement."""
    async def main():
        async with Peer(CONNACK) as peer, together((peer.url, "x", {})) as (client,):
            transport = client.link._wire.transport
            raw = transport.get_extra_info("socket")
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writes, original = [], transport.write
            transport.write = lambda data: (writes.append(len(data)), original(data))
            for _ in range(20):
                client.link.publish("t", b"x" * 10)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert writes == [20 * 17]
    run(main)


def test_hostile_bytes_end_the_connection_and_nothing_else(run):
    """Random and mutated packets never raise into the loop; the link comes back and takes good messages."""
    async def main():
        dice, failures, got = random.Random(7), [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        good = publish_packet(b"t", b"good", 1)
        hostile = [CONNACK + SUBACK]
        for _ in range(60):
            spoilt = bytearray(good * 3 + b"\x40\x02\x00\x01" + SUBACK + b"\xd0\x00")
            for _ in range(dice.randint(1, 8)):
                spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
            hostile.append(CONNACK + SUBACK + bytes(spoilt) + dice.randbytes(40) + b"\xff" * 6)
        hostile.append(CONNACK + SUBACK + publish_packet(b"\xff\xfe", b"bad topic", 9) + good)
        for said in hostile:
            async with Peer(said) as peer:
                link = MqttLink(peer.url, "x", on_message=got.append, subscriptions=[("t", 1)])
                try:
                    await link.start()
                except LinkError:
                    pass
                await asyncio.sleep(0)
                await link.stop(0)
        assert got[-1].payload == b"good"
        assert link.counters.malformed == 1
        assert all("is cut after an error" in failure["message"] for failure in failures), failures
    run(main)


def test_a_silent_peer_is_given_up(run, monkeypatch):
    """A listener that says nothing is not taken for a broker, and the sentence says so."""
    async def main():
        monkeypatch.setattr("lamplighter.gateway.adapters.mqtt.CONNECT_S", 0.05)
        async with Peer(b"") as peer:
            with pytest.raises(LinkError, match="does not answer; is it an MQTT listener"):
                await MqttLink(peer.url, "x", on_message=print).start()
    run(main)


def test_a_peer_that_goes_silent_later_is_noticed_by_keep_alive(run, monkeypatch, together):
    """Without an answer to its ping the link gives the connection up and makes another."""
    async def main():
        monkeypatch.setattr("lamplighter.gateway.adapters.mqtt.KEEPALIVE_S", 1)
        async with Peer(CONNACK) as peer, together((peer.url, "x", {})) as (client,):
            await client.until(lambda: client.ups == 2)
            assert b"\xc0\x00" in peer.heard and peer.accepted == 2
    run(main)


def test_a_busy_connection_needs_no_pings(run, mosquitto, together):
    """Quiet is what nothing came by or nothing left by: an answer to a ping may stand behind many messages."""
    async def main():
        url, _ = mosquitto()
        async with together((url, "x", {"subscriptions": [("t", 1)]})) as (client,):
            wire = client.link._wire
            wire.quiet()
            assert wire.quiet()
            client.link.publish("t", b"there and back")
            await client.has(b"there and back")
            assert not wire.quiet()
            assert wire.quiet()
    run(main)


@pytest.mark.parametrize("said", [b"\x34\x06\x00\x01t\x00\x01x", b"\x32\x03\x00\x01t", b"\x30\x03\x00\x05t",
                                  b"\x40\x03\x00\x01\x00", b"\x30\xff\xff\xff\xff\x01"],
                         ids=["QoS 2", "no packet id", "short topic", "long PUBACK", "five bytes of length"])
def test_what_is_no_packet_ends_the_connection(run, together, said):
    """Such a peer is left without a good-bye, and what it said before counts."""
    async def main():
        async with Peer(CONNACK + SUBACK) as peer, \
                together((peer.url, "x", {"subscriptions": [("t", 1)]})) as (client,):
            peer.writers[0].write(publish_packet(b"t", b"good", 1) + said)
            await client.until(lambda: client.ups == 2)
            assert (client.got, client.downs) == ([("t", b"good")], ["Protocol error"])
            assert b"\xe0\x00" not in peer.heard
    run(main)


def test_a_connection_that_ends_at_once_was_never_up(run):
    """A subscription confirmed and the connection cut in one segment is a failed start."""
    async def main():
        ups = []
        async with Peer(CONNACK + SUBACK + b"\x00\x00") as peer:
            with pytest.raises(LinkError, match="closed the connection at once"):
                await MqttLink(peer.url, "x", on_message=print, on_up=lambda: ups.append(1),
                               subscriptions=[("t", 1)]).start()
        assert ups == []
    run(main)


def test_refusals_are_one_sentence(run, mosquitto, tmp_path, free_port):
    """No broker, a wrong password and a refused subscription each say what to do next, without the password."""
    async def main():
        with pytest.raises(LinkError, match=r"No broker answers at .* start one there, or correct the address"):
            await MqttLink(BrokerUrl("127.0.0.1", free_port), "x", on_message=print).start()
        (tmp_path / "empty").write_text("")
        (tmp_path / "empty").chmod(0o600)
        url, _ = mosquitto(f"allow_anonymous false\npassword_file {tmp_path / 'empty'}\n")
        with pytest.raises(LinkError, match="refuses user 'me'") as caught:
            await MqttLink(url.signed_in("me", "hush-hush"), "x", on_message=print).start()
        assert "hush" not in str(caught.value)
        async with Peer(CONNACK + b"\x90\x03\x00\x01\x80") as peer:
            with pytest.raises(LinkError, match="refuses the subscription to t"):
                await MqttLink(peer.url, "x", on_message=print, subscriptions=[("t", 1)]).start()
    run(main)


def test_the_will_is_delivered_only_after_an_unkind_end(run, mosquitto, together):
    """A link that is cut is announced by its will, one that says good-bye is not."""
    async def main():
        url, _ = mosquitto()
        async with together((url, "watch", {"subscriptions": [("will/#", 1), ("t", 1)]})) as (watch,):
            async with together((url, "kind", {"will": Publication("will/kind", b"lost")}),
                                (url, "cut", {"will": Publication("will/cut", b"lost", retain=True)})) as (_, cut):
                cut.link._wire.transport.abort()
                await watch.has(b"lost")
            async with together((url, "sender", {})) as (sender,):
                sender.link.publish("t", b"end")
                await watch.has(b"end")
            assert [topic for topic, _ in watch.got] == ["will/cut", "t"]
    run(main)


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


def test_tls_verifies_the_broker_and_carries_a_client_certificate(run, mosquitto, tmp_path, together):
    """mqtts:// works with the right authority and refuses the wrong one, the wrong name and a missing file."""
    async def main():
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        for name in ("ca", "other"):
            openssl("req", "-x509", *key, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                    "-out", f"{name}.pem", cwd=tmp_path)
        for name, extra in (("server", "subjectAltName=DNS:localhost"), ("client", "keyUsage=digitalSignature")):
            (tmp_path / "ext").write_text(extra)
            openssl("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                    cwd=tmp_path)
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-days", "2", "-extfile", "ext", "-out", f"{name}.pem", cwd=tmp_path)
        for path in tmp_path.iterdir():
            path.chmod(0o644)
        tmp_path.chmod(0o755)
        url, _ = mosquitto("".join(f"{option} {tmp_path / name}\n" for option, name in (
            ("cafile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key")))
            + "require_certificate true\nallow_anonymous true\n")
        mine = f"cert={tmp_path / 'client.pem'}&key={tmp_path / 'client.key'}"
        base = f"mqtts://localhost:{url.port}?"
        good = BrokerUrl.parse(f"{base}ca={tmp_path / 'ca.pem'}&{mine}")
        async with together((good, "x", {"subscriptions": [("t", 1)]})) as (client,):
            client.link.publish("t", b"x" * 100_000)
            await client.has(b"x" * 100_000)
        for bad, sentence in ((f"{base}ca={tmp_path / 'other.pem'}&{mine}", "TLS with"),
                              (f"mqtts://127.0.0.1:{url.port}?ca={tmp_path / 'ca.pem'}&{mine}", "TLS with"),
                              (f"{base}ca={tmp_path / 'none.pem'}", "does not exist"),
                              (f"{base}ca={tmp_path / 'ext'}", "cannot be used")):
            with pytest.raises(LinkError, match=sentence):
                await MqttLink(BrokerUrl.parse(bad), "x", on_message=print).start()
    run(main)


@pytest.mark.parametrize("text, url", [
    ("mqtt://h", BrokerUrl("h", 1883)),
    ("mqtts://h/", BrokerUrl("h", 8883, tls=True)),
    ("mqtt://me:p%40ss@[::1]:99", BrokerUrl("::1", 99, "me", "p@ss")),
    ("mqtts://h:1?ca=/c&cert=/d&key=/e", BrokerUrl("h", 1, tls=True, ca="/c", cert="/d", key="/e")),
])
def test_broker_addresses_are_read(text, url):
    """Host, port, credentials and certificate files come out as they were meant."""
    assert BrokerUrl.parse(text) == url
    assert "p@ss" not in str(url) + repr(url)


@pytest.mark.parametrize("text", ["", "host", "http://h", "mqtt://", "mqtt://h:port", "mqtt://h:99999", "mqtt://h/path",
                                  "mqtt://h?ca=/x", "mqtts://h?what=1", "mqtt://[::1"])
def test_other_addresses_are_refused(text):
    """What is not an address of a broker is a sentence, not a traceback."""
    with pytest.raises(LinkError):
        BrokerUrl.parse(text)
