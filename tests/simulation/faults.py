"""What goes wrong with the street, planned over the time of faults; messages and crashes have their own shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lamplighter.firmware import wire
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import read
from tests.simulation import kind
from tests.simulation.devices import Device
from tests.simulation.network import SITE
from tests.simulation.owners import STRAY
from tests.simulation.witness import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World

RECEIPT, PROOF = 142, 158
MOST = 1 << 30
"""More of anything than a board has."""


class Faults:
    """Each method is one fault, happening now to a device drawn from all."""

    def __init__(self, world: World) -> None:
        self.world, self.clock, self.broker, self.rng = world, world.clock, world.broker, world.rng
        mix = world.mix
        for times, fault in (
            (mix.partitions, self.partition), (mix.broker_restarts, self.broker_restart), (mix.reboots, self.reboot),
            (mix.naps, self.nap), (mix.vanish, self.vanish), (mix.revoked, self.revoke), (mix.boasts, self.boast),
            (mix.hostile, self.hostile), (mix.second_tries, self.second_try), (mix.second_tries, self.renumber),
            (mix.replays, self.replay), (mix.amnesias, self.amnesia), (mix.epochs, self.end_epoch),
            (mix.wall_jumps, self.wall_jump), (int(mix.crash > 0), world.gateway.kill),
            (mix.transfers, self.transfer), (int(mix.transfers > 0), self.stray), (mix.floods, self.flood),
            (mix.upgrades, self.upgrade), (mix.older, self.age),
        ):
            for _ in range(times):
                self.clock.at(world.some_time(), self._happen, fault)

    def _happen(self, fault: Callable[[], None]) -> None:
        self.world.note("fault", fault.__name__)
        fault()

    def _device(self) -> Device:
        return self.world.devices[int(len(self.world.devices) * self.rng.random())]

    def _soon(self, most_ms: int) -> int:
        return 200 + int(most_ms * self.rng.random())

    # Links and power

    def partition(self) -> None:
        device = self._device()
        if device.connected:
            device.lose_link()
            self.clock.after(self._soon(12_000), device.connect)

    def broker_restart(self) -> None:
        nodes = self.broker.restart()
        self.world.gateway.reconnect()
        for device in self.world.devices:
            if device.on and (device.node in nodes or device.connected):
                device.connected = False
                self.clock.after(self._soon(4_000), device.connect)

    def reboot(self) -> None:
        device = self._device()
        device.power_off(killed=self.rng.random() < 0.5)
        self.clock.after(self._soon(8_000), device.power_on)

    def amnesia(self) -> None:
        """A device starts with an empty flash, or with an old copy of it."""
        device = self._device()
        device.power_off(killed=self.rng.random() < 0.5)
        if self.rng.random() < 0.5:
            device.lose_numbers()
        else:
            device.restore_numbers(self.rng.random())
        self.clock.after(self._soon(8_000), device.power_on)

    def nap(self) -> None:
        device = self._device()
        if device.connected:
            device.nap()
            self.clock.after(self._soon(6_000), device.connect)

    def vanish(self) -> None:
        """Gone for good."""
        device = self._device()
        if device not in self.world.steady:
            device.power_off(killed=self.rng.random() < 0.3)
            device.gone = True

    def revoke(self) -> None:
        """For good, or until it is restored; somebody may try to enrol it again, for another owner."""
        device = self._device()
        if device not in self.world.steady:
            self.world.revoked.add(device.node)
            self.world.insist("node.revoke", node=device.node)
            if self.rng.random() < 0.5:
                self.clock.after(self._soon(3_000), self._enrol_again, device)
            if self.world.mix.restore:
                self.clock.after(self._soon(12_000), self.world.owners.restore, device.node)

    def _enrol_again(self, device: Device) -> None:
        if device.node in self.world.out:   # else it may be the first who enrols it
            self.world.ask("node.enrol", "again", nodes=[{"key": device.key.hex(), "owner": "owner-new"}])

    def transfer(self) -> None:
        """A device is handed over, at times twice, or to whom it is on its way already."""
        device, owner = self._device(), f"owner-{int((self.world.mix.owners + 1) * self.rng.random())}"
        for _ in range(1 + int(2 * self.rng.random())):
            self.clock.after(self._soon(2_000), self.world.owners.transfer, device.node, owner)

    def stray(self) -> None:
        """Somebody tries over the network what only the gateway's own computer may do."""
        self.world.ask("node.transfer", STRAY, node=self._device().node, owner="owner-new")
        self.world.ask("node.restore", STRAY, node=self._device().node)

    # The gateway's surroundings

    def end_epoch(self) -> None:
        self.world.ask("epoch.seal", "seal")

    def upgrade(self) -> None:
        """Another release is installed; whoever does that may start the gateway again, or leave it as it is."""
        world = self.world
        world.release = kind.RELEASES[int(len(kind.RELEASES) * self.rng.random())]
        if self.rng.random() < 0.7:
            world.gateway.kill()

    def age(self) -> None:
        """The version that has run so far was the one before: so is its journal, and it knew no spans. An id that
        was cancelled could not be submitted again."""
        world = self.world
        if not any(task.kept.life for task in world.auditor.journal.tasks.values()):
            world.gateway.kill()
            world.disk.age()
            world.auditor.aged()

    def wall_jump(self) -> None:
        """Up to 16 years, either way."""
        jump = int((self.rng.random() - 0.5) * 10**(3 + int(10 * self.rng.random())))
        if self.world.wall_jumps:
            self.world.wall_ms = max(0, self.world.wall_ms + jump)

    # Malice

    def boast(self) -> None:
        """A liar's birth and bid say what no board has."""
        device = self._device()
        if device.lie is not None and device.connected:
            arch = int(65_536 * self.rng.random()) if self.rng.random() < 0.5 else device.arch
            birth = wire.encode_birth(device.at(), "?", arch, "9", MOST, MOST, 65_536, device.once, (), device.state,
                                      device.up)
            self.broker.up(device.node, "birth", birth)
            self.broker.up(device.node, "bid", wire.encode_bid(device.at(), 1_000, MOST, 64, [], "solar", 200,
                                                               device.up))
            device.kernels.update(kind.blobs_of(arch))

    def flood(self) -> None:
        """A liar sends as fast as it can. Little of it is read, it is told of, and it comes to itself again."""
        for device in [device for device in self.world.devices if device.connected and device.lie is not None][:1]:
            self.world.flooders.add(device.node)
            payload, times = self.rng.randbytes(60_000), 60
            if self.rng.random() < 0.3:
                payload, times = wire.encode_refusal(self.rng.randbytes(16), wire.BUSY, device.up), 1_200
            for _ in range(times):
                self.broker.inject(wire.node_topic(SITE, device.node, "result"), payload)

    def second_try(self) -> None:
        """A device signs another result for a lease of its own that has one, or one for a lease of another."""
        device, records = self._device(), list(self.world.journal.leases.values())
        if records and device.connected:
            record = records[int(len(records) * self.rng.random())]
            if record.kept.node != device.node or record.proof:
                device.send(record.kept.nonce, record.kept.nonce, self.rng.randbytes(16))

    def renumber(self) -> None:
        """A liar goes back to numbers that it has used."""
        device = self._device()
        if device.lie is not None:
            device.seq = max(0, device.seq - 1 - int(6 * self.rng.random()))

    def replay(self, most: int = 4) -> None:
        """Somebody says again what a device, or the broker for it, has said of itself, in the order of then."""
        said = self.broker.heard.get(self._device().node, [])
        if said:
            first = int(len(said) * self.rng.random())
            for topic, payload in said[first : first + 1 + int(most * self.rng.random())]:
                self.broker.inject(topic, payload)

    def replay_much(self) -> None:
        """Enough to have a lease given to a connection that is over, and then to end it with its will."""
        self.replay(16)

    def started(self) -> None:
        """A gateway that has just started knows only what it has kept: a good moment for replays."""
        if self.world.mix.replays and self.clock.now < self.world.mix.faults_ms:
            for _ in range(2):
                self.clock.after(self._soon(3_000), self._happen, self.replay_much)

    def hostile(self) -> None:
        """Bytes on a device's own topics that no honest one sends, or on those of a device that does not exist."""
        world, device = self.world, self._device()
        leaf = ("result", "status", "birth", "bid", "want", "lease")[int(6 * self.rng.random())]
        frame = self._forge(device, self._device())
        node = device.node if self.rng.random() < 0.9 else "f" * 16
        topic = wire.node_topic(SITE, node, leaf)
        events = read(SITE, world.keys, topic, frame)
        if not events or any(type(event) not in (e.DeviceMisbehaved, e.BlobWanted) for event in events):
            raise Broken(f"invariant 8: hostile bytes became {events}")
        self.broker.inject(topic, frame)

    def _forge(self, device: Device, other: Device) -> bytes:
        sent = [made[0] for (node, _), made in self.world.auditor.sent.items() if node == other.node]
        way = int(5 * self.rng.random())
        if way == 4:
            frames = int(3 * self.rng.random())
            return bytes((wire.VERSION, wire.BATCH)) + frames * b"\0\x04junk"   # a batch of nothing, or of noise
        if way == 0 or not sent:
            return self.rng.randbytes(int(200 * self.rng.random()))
        frame = bytearray(sent[int(len(sent) * self.rng.random())][1])
        if way == 1 and other is not device:
            return bytes(frame)                                     # another's result, as it was
        if way == 2 and other is not device:
            body = bytes(frame[:RECEIPT])
            return body + device.up(body) + bytes(frame[PROOF:])    # another's receipt with one's own MAC
        frame[int(PROOF * self.rng.random())] ^= 1 << int(8 * self.rng.random())
        return bytes(frame)
