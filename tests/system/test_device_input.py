"""What a device can send wrong: it is counted, it changes nothing, and its standing falls where it should."""

from __future__ import annotations

from random import Random

import pytest

from lamplighter.firmware import wire
from lamplighter.gateway.protocol.verdicts import VERDICTS
from lamplighter.gateway.publiclog.reader import PublishedLog
from tests.system.device import SITE, Device, honest, truth

LATE, LEASE_UNKNOWN, DUPLICATE = (VERDICTS.index(word) for word in ("late", "lease_unknown", "duplicate"))


@pytest.fixture(scope="module")
def gateway(start_gateway):
    """One for all: each test enrols devices of its own."""
    made = start_gateway()
    yield made
    made.end()


def misbehaved(counters):
    return sum(times for what, times in counters.items() if what.startswith("misbehaved_"))


def state_of(gateway):
    """Everything that is shown of devices and tasks, but for clocks."""
    nodes = [{**node, "last_seen_ms_ago": 0} for node in gateway.ask("nodes")]
    return nodes, [{**task, "jobs_per_s": 0, "eta_s": 0, "waits_for": ""} for task in gateway.ask("tasks")]


async def test_random_bytes_on_every_topic_are_counted_and_change_nothing(gateway, operator, counted, submit,
                                                                          result_of):
    """Noise on all five topics, and every single byte of a true result flipped; then the true one still counts."""
    rng = Random(1)
    async with operator(gateway) as client, Device(client, gateway.url, "anna") as device:
        await submit(client, "noise", jobs=1)
        await device.until(lambda: device.leases)
        before, counters = state_of(gateway), await counted(gateway, lambda _: True)
        sent = 0
        for leaf in wire.NODE_UP:
            for size in (0, 1, 2, 19, 22, 158, 200, 1_500):
                device.say(leaf, b"\xff" + rng.randbytes(size))
                sent += 1
        frame = device.result(device.leases[0], truth(device.leases[0].input))
        for at in range(158):
            device.say("result", frame[:at] + bytes((frame[at] ^ 1 << rng.randrange(8),)) + frame[at + 1:])
            sent += 1
        after = await counted(gateway, lambda now: misbehaved(now) >= misbehaved(counters) + sent)
        assert misbehaved(after) == misbehaved(counters) + sent
        assert after["results"] == counters["results"]
        assert state_of(gateway) == before
        device.say("result", frame)
        assert (await result_of(client, "noise"))["ok"]
        assert gateway.ask("nodes/" + device.node)["pending"] == 1


async def test_nobody_can_speak_for_another_device(gateway, operator, counted, submit, result_of):
    """Another's lease, id, key or topic: refused, and the lease of the one who holds it stands."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna") as holder, \
            Device(client, gateway.url, "ben", room=0) as thief:
        await submit(client, "theft", jobs=1)
        await holder.until(lambda: holder.leases)
        lease, right = holder.leases[0], truth(holder.leases[0].input)
        counters = await counted(gateway, lambda _: True)

        thief.say("result", thief.result(lease, right))
        await thief.until(lambda: thief.acked)
        assert thief.acked == {1: LEASE_UNKNOWN}
        thief.say("result", thief.result(lease, right, device=holder.name))
        thief.say("result", wire.encode_refusal(lease.nonce, wire.BUSY, thief.up))
        thief.say("result", wire.encode_refusal(lease.nonce, wire.BUSY, holder.up))
        thief.say("result", holder.result(lease, right))
        lost = wire.encode_status((wire.LAST, holder.conn, holder.boot), "lost", holder.up)
        for leaf, payload in (("status", lost), ("result", holder.result(lease, right))):
            thief.link.publish(wire.node_topic(SITE, holder.node, leaf), payload)
        thief.say("status", lost)
        thief.say("result", b"the last of it")   # on the same topic: the order of several is not kept

        after = await counted(gateway, lambda now: now["misbehaved_version"] > counters["misbehaved_version"])
        gained = {what: after[what] - counters[what] for what in after if after[what] != counters[what]}
        assert gained.pop("results_lease_unknown") == 1
        assert gained.pop("misbehaved_device") == 1
        assert gained.pop("misbehaved_bad_mac") == 3
        assert gained.pop("refusals_stale") == 1
        assert "results" not in gained
        seen = gateway.ask("nodes/" + holder.node)
        assert (seen["state"], seen["open"], seen["score"]) == ("ready", 1, 0)

        await holder.report(lease, right)
        assert (await result_of(client, "theft"))["ok"]
        assert gateway.ask("nodes/" + thief.node)["pending"] == 0


async def test_a_result_counts_once_however_often_it_comes(gateway, operator, counted, submit, result_of):
    """The same message again, the same lease under a new number, before and after the task ends: paid once."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna") as device:
        await submit(client, "again", jobs=1, steps=5_000)
        await device.until(lambda: device.leases)
        lease = device.leases[0]
        frame = device.result(lease, truth(lease.input))
        counters = await counted(gateway, lambda _: True)
        for _ in range(3):
            device.say("result", frame)
        assert (await result_of(client, "again"))["ok"]
        device.say("result", frame)
        device.say("result", device.result(lease, truth(lease.input)))
        await device.until(lambda: 2 in device.acked)
        after = await counted(gateway, lambda _: True)
        assert device.acked[2] == DUPLICATE
        assert after["results"] == counters["results"] + 1
        assert after["results_duplicate"] == counters["results_duplicate"] + 4
        assert gateway.ask("nodes/" + device.node)["pending"] == 5


async def test_a_late_result_is_kept_and_not_paid(gateway, operator, counted, submit, result_of, expected):
    """Others did the job. Until the epoch is sealed the log takes the receipt; after that it is acknowledged as
    unknown, because nothing that was acknowledged as anything else may be missing in the log."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna") as late:
        counters = await counted(gateway, lambda _: True)
        await submit(client, "late", jobs=2, salt=5)
        await late.until(lambda: len(late.leases) == 2)
        async with Device(client, gateway.url, "ben", honest), Device(client, gateway.url, "chloe", honest):
            await counted(gateway, lambda now: now["leases_expired"] >= counters["leases_expired"] + 2)
            told = await result_of(client, "late")
            await late.report(late.leases[0], truth(late.leases[0].input))
            await client.call("epoch.seal")
            await late.report(late.leases[1], truth(late.leases[1].input))
        assert told["result"]["data"] == {"state": expected(2, salt=5)}
        assert late.acked == {1: LATE, 2: LEASE_UNKNOWN}
        assert [found.record.verdict for found in PublishedLog(gateway.public).replay()
                if found.record.receipt.device == late.name] == ["late"]
        seen = gateway.ask("nodes/" + late.node)
        assert (seen["pending"], seen["lies"]) == (0, 0)


@pytest.mark.parametrize(("verdict", "size", "other"), [
    ("wrong_size", 0, {}), ("wrong_size", wire.MAX_ANSWER, {}), ("bad_seal", 4, {"seal": bytes(32)})])
async def test_a_malformed_answer_costs_standing(gateway, operator, submit, result_of, expected, verdict, size,
                                                 other):
    """It is acknowledged with its verdict and not paid, the score falls by a third, and the device has to wait."""
    task = f"{verdict.replace('_', '-')}-{size}"
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest) as bad, \
            Device(client, gateway.url, "ben", honest):
        await submit(client, task + "-before", jobs=9)
        await result_of(client, task + "-before")
        before = gateway.ask("nodes/" + bad.node)
        done = before["score"]   # the other job of a drawn one is the gateway's
        assert 0 < done == before["pending"] <= 9

        async def malformed(device, lease):
            device.say("result", device.result(lease, bytes(size), **other))

        bad.on_lease = malformed
        for number in range(30):   # the first copy of a drawn job has no second one
            await submit(client, f"{task}-{number}", jobs=1)
            async with Device(client, gateway.url, "chloe", honest):
                told = await result_of(client, f"{task}-{number}")
            if bad.seq > done:
                break
        else:
            pytest.fail("every first copy was drawn")
        await bad.until(lambda: done + 1 in bad.acked)
        assert told["result"]["data"] == {"state": expected(1)}
        assert VERDICTS[bad.acked[done + 1]] == verdict
        after = gateway.ask("nodes/" + bad.node)
        assert (after["score"], after["lies"], after["quarantined"]) == (done * 2 // 3, 1, True)
        assert after["pending"] == done


async def test_a_flooder_is_muted_and_harms_nobody(gateway, operator, counted, submit, result_of, expected):
    """It is named, others get their answers meanwhile, and when it has been silent for a while it is heard again."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", room=1) as flooder, \
            Device(client, gateway.url, "ben", honest), Device(client, gateway.url, "chloe", honest):
        for _ in range(1_500):
            flooder.say("result", wire.encode_refusal(b"?" * 16, wire.BUSY, flooder.up))
        counters = await counted(gateway, lambda now: now.get("messages_muted", 0) > 300 and now["nodes_muted"])
        assert counters["nodes_muted"] == 1
        assert gateway.ask("nodes/" + flooder.node)["why_not"] == "muted"
        await submit(client, "meanwhile", jobs=9)
        told = await result_of(client, "meanwhile")
        assert told["result"]["data"] == {"state": expected(9)} and flooder.node not in told["provenance"]["devices"]
        await counted(gateway, lambda _: gateway.ask("nodes/" + flooder.node)["why_not"] != "muted")
