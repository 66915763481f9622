"""Who takes part: devices, owners, operators and the gateway's own secrets, in one small TinyDB file.

A person can read the file; the programs write it whole, by way of a temporary file, fsync and rename, and keep the
copy before. It carries a checksum: what a worn card or a stray edit has changed is refused, never taken as valid,
and the older copy is never taken silently either, because it would bring a revoked device back.
"""

import fcntl
import hashlib
import json
import marshal
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from tinydb import TinyDB, where
from tinydb.storages import Storage

from lamplighter.firmware.mac import derive
from lamplighter.firmware.wire import device_of, is_identifier
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.files import make_folder, write_atomically
from lamplighter.gateway.core.policy import Policy

FILE, PREVIOUS, LOCK = "registry.json", "registry.previous.json", "registry.lock"
RESERVED = ("anonymous", "door", "probe")
"""Names that stand for something else than an operator where it is shown who asked."""

T = TypeVar("T")


class RegistryError(Exception):
    """The registry cannot be read or written: one sentence with the next step."""


class EnrolmentError(RegistryError):
    """What is asked for a device cannot be; nothing was written.

    ``code`` is ``bad_owner``, ``owned_by``, ``revoked``, ``too_many_devices``, ``unknown_node`` or ``moving``;
    ``hint`` the next step; ``at`` the place of the device among those that were asked for.
    """

    def __init__(self, code: str, sentence: str, hint: str, at: int = 0) -> None:
        super().__init__(sentence)
        self.code, self.hint, self.at = code, hint, at


@dataclass(frozen=True)
class Device:
    """An enrolled device. ``key``: 32 bytes shared with it; ``enrolled_at``: ms since 1970.

    What was asked for and is not true yet: from the end of epoch ``asked`` on (-1: of the one in which a gateway
    reads it) it belongs to ``next_owner``; with ``restore`` it is not to be ``revoked`` any more.
    """

    node: str
    key: bytes = field(repr=False)
    owner: str
    enrolled_at: int
    revoked: bool = False
    next_owner: str = ""
    asked: int = -1
    restore: bool = False

    @cached_property
    def name(self) -> bytes:
        """The 16 bytes that stand for it in structs."""
        return bytes(device_of(self.key)[0])

    @property
    def standing(self) -> dict[str, Any]:
        """As it is told: whose it is now and will be, and ``epoch``, at whose end it changes hands; None if it does
        not, or where the gateway that starts next will say."""
        return {"node": self.node, "owner": self.owner, "next_owner": self.next_owner,
                "epoch": self.asked if self.next_owner and self.asked >= 0 else None, "revoked": self.revoked}

    @property
    def account(self) -> Account:
        """How it signs in to a broker."""
        return Account(self.node, derive(self.key, b"mqtt")[:16].hex(), "device")


@dataclass(frozen=True)
class Gateway:
    """The gateway's own: its broker password, and the 32 bytes from which nonces are derived."""

    password: str = field(repr=False)
    secret: bytes = field(repr=False)

    @property
    def probe(self) -> Account:
        """Somebody as who it finds out what the broker lets others do."""
        return Account("probe", derive(self.secret, b"probe")[:16].hex(), "operator")

    def client_id(self, name: str) -> str:
        """A lasting MQTT client id of at most 23 characters that nobody else knows: who knew it could cut us off."""
        return f"{name[:12]}-{derive(self.secret, b'client')[:5].hex()}"


class AtomicStorage(Storage):
    """TinyDB storage that is whole after any crash and knows when it is not. Raises RegistryError, OSError."""

    def __init__(self, path: Path) -> None:
        self.path, self.previous = path, path.with_name(PREVIOUS)

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables, None before the first write."""
        tables = self.marshalled()
        return _loaded(tables) if tables else None

    def marshalled(self) -> bytes:
        """The tables as ``marshal`` has them: the same object as before where the file has the same text, and empty
        before the first write."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            if self.previous.exists():
                raise self._refusal("is missing") from None
            return b""
        tables = _sound_tables(text)
        if tables is None:
            raise self._refusal("is damaged")
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replaces the file; the one before stays beside it."""
        tables = json.loads(json.dumps(data))  # document ids become the text keys that a reader will see
        text = f'{{\n "checksum": "{_checksum(tables)}",\n "tables": {{\n{_shown(tables)}\n }}\n}}\n'
        write_atomically(self.path, text.encode(), keep=self.previous)

    def _refusal(self, what: str) -> RegistryError:
        return RegistryError(
            f"The registry {self.path} {what}; put a backup there, or after checking it the copy before the last "
            f"change ({self.previous}), or delete the \"checksum\" line if you edited the file on purpose.")


@lru_cache(maxsize=1)
def _sound_tables(text: bytes) -> bytes | None:
    """The tables in a file's text, marshalled; None where it is damaged. It is read far more often than written."""
    try:
        whole = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        tables = whole["tables"]
        real = _checksum(tables)
        stated = whole.get("checksum", real)  # left out by a person who edited the file on purpose
        sound = whole.keys() <= {"checksum", "tables"} and stated == real
        return marshal.dumps(tables) if sound and all(isinstance(table, dict) for table in tables.values()) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _loaded(tables: bytes) -> dict[str, dict[str, Any]]:
    return cast(dict[str, dict[str, Any]], marshal.loads(tables))  # noqa: S302 - made by ourselves just now


@lru_cache(maxsize=1)
def _devices_in(tables: bytes) -> tuple[Device, ...]:
    """Those of marshalled tables, which are looked at far more often than they change."""
    return tuple(_device(row) for row in _loaded(tables).get("devices", {}).values()) if tables else ()


def _shown(tables: dict[str, dict[str, Any]]) -> str:
    """One row a line, for people."""
    shown = []
    for name, rows in tables.items():
        lines = ",\n".join(f"   {json.dumps(number)}: {json.dumps(row)}" for number, row in rows.items())
        shown.append(f"  {json.dumps(name)}: {{\n{lines}\n  }}")
    return ",\n".join(shown)


def _checksum(tables: Any) -> str:
    return hashlib.sha256(json.dumps(tables, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _no_constant(word: str) -> None:
    raise ValueError(word)


Facts = Callable[[bytes], tuple[str, bool]]
"""What the public log says of a device, by its 16 bytes: its owner, '' for none, and whether it is revoked."""


def no_log(_device: bytes) -> tuple[str, bool]:
    """The facts where there is no log."""
    return "", False


class Registry:
    """``Registry.open(folder)``; each changing method is one durable write, safe beside another process.

    It takes ``most`` devices, revoked ones among them.

    All methods raise RegistryError.
    """

    def __init__(self, folder: Path, database: TinyDB, most: int) -> None:
        self.folder, self._db, self.most = folder, database, most

    @classmethod
    def open(cls, folder: Path, most: int = Policy().max_nodes) -> "Registry":
        """Reads and checks everything; makes the gateway's secrets on first use."""
        try:
            make_folder(folder, 0o700)
        except OSError as error:
            raise RegistryError(f"The folder {folder} cannot be made ({error.strerror}); name another with --data.") \
                from None
        registry = cls(folder, TinyDB(folder / FILE, storage=AtomicStorage), most)
        with registry._changing():
            table = registry._db.table("gateway")
            if not table.all():
                table.insert({"password": secrets.token_hex(16), "secret": secrets.token_hex(32)})
        for look in (registry.operators, registry.devices):   # every document is read once
            look()
        return registry

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()

    @property
    def gateway(self) -> Gateway:
        """The gateway's own secrets."""
        row = self._rows("gateway")[0]
        return _made(lambda: Gateway(row["password"], bytes.fromhex(row["secret"])), self.folder / FILE)

    def devices(self) -> list[Device]:
        """All devices, revoked ones too, in the order of their enrolment."""
        with self._file():
            tables = AtomicStorage(self.folder / FILE).marshalled()
        return _made(lambda: list(_devices_in(tables)), self.folder / FILE)

    def owners(self) -> list[str]:
        """Names of those who are paid for devices."""
        return sorted({device.owner for device in self.devices()})

    def operators(self) -> list[Account]:
        """Accounts of those who publish tasks."""
        rows = self._rows("operators")
        return _made(lambda: [Account(row["name"], row["password"], "operator") for row in rows], self.folder / FILE)

    def accounts(self, gateway: str) -> list[Account]:
        """Everybody who may sign in to a broker, ``gateway`` under this name."""
        return [Account(gateway, self.gateway.password, "gateway"), *self.operators(), self.gateway.probe,
                *(device.account for device in self.devices() if not device.revoked)]

    def enrol(self, pairs: Iterable[tuple[bytes, str]], now_ms: int, facts: Facts = no_log) -> list[Device]:
        """Adds devices by key (32 random bytes) and owner, all in one write; known ones stay as they are.

        Raises EnrolmentError for one that is known here or to the log (``facts``) under another owner or is revoked:
        neither changes by enrolling.
        """
        wanted: dict[str, Device] = {}
        with self._changing():
            known = {device.node: device for device in self.devices()}
            before = len(known)
            for at, (key, owner) in enumerate(pairs):
                asked = Device(device_of(key)[1], key, owner, now_ms)
                there = wanted[asked.node] = known.setdefault(asked.node, asked)
                holder, revoked = facts(asked.name)
                _check(asked, holder or there.owner, there.revoked or revoked, at)
                if len(known) > self.most:
                    raise EnrolmentError("too_many_devices", f"A gateway takes at most {self.most} devices, revoked "
                                         "ones among them.", "set up another gateway for the others", at)
            if fresh := list(known.values())[before:]:
                self._db.table("devices").insert_multiple(map(_row, fresh))
        return list(wanted.values())

    def revoke(self, node: str) -> None:
        """Ends a device's part; its record stays, so that its receipts can be judged. Raises EnrolmentError."""
        self._ask(node, lambda device: replace(device, revoked=True, restore=False))

    def restore(self, node: str) -> Device:
        """Asks for a revoked device to take part again; one that does already stays so. Raises EnrolmentError."""
        return self._ask(node, lambda device: replace(device, restore=device.revoked))

    def transfer(self, node: str, owner: str, epoch: int = -1) -> Device:
        """Asks for another owner, from the end of ``epoch`` on; once asked, the same again is no change.

        Raises EnrolmentError, also while the device is on its way to somebody else.
        """
        def change(device: Device) -> Device:
            if not is_identifier(owner):
                raise EnrolmentError("bad_owner", f"{owner[:64]!r} is no owner's name.", OWNER_HINT)
            if device.next_owner not in ("", owner):
                raise EnrolmentError("moving", f"Device {node} is about to belong to {device.next_owner}.",
                                     "wait for the end of the epoch, then transfer it again")
            if owner in (device.owner, device.next_owner):
                return device
            return replace(device, next_owner=owner, asked=epoch)

        return self._ask(node, change)

    def moves(self, epoch: int) -> list[tuple[bytes, str]]:
        """(16 bytes, next owner) of the devices that belong to another owner from ``epoch`` on."""
        return [(device.name, device.next_owner) for device in self.devices()
                if device.next_owner and 0 <= device.asked < epoch]

    def follow(self, facts: Facts, epoch: int) -> list[Device]:
        """All devices, after what the log says of them has become true here too; what was asked is of ``epoch``."""
        with self._changing():
            before = self.devices()
            devices = [_followed(device, *facts(device.name), epoch) for device in before]
            self._put([after for after, was in zip(devices, before, strict=True) if after != was])
        return devices

    def _ask(self, node: str, change: Callable[[Device], Device]) -> Device:
        with self._changing():
            before = next((device for device in self.devices() if device.node == node), None)
            if before is None:
                raise EnrolmentError("unknown_node", f"No device {node} is enrolled.",
                                     "`lamplighter node list` shows those that are")
            after = change(before)
            if after != before:
                self._put([after])
        return after

    def _put(self, devices: list[Device]) -> None:
        rows = {device.node: _row(device) for device in devices}
        if rows:
            self._db.table("devices").update(lambda row: row.update(rows[row["node"]]),
                                             where("node").test(rows.__contains__))

    def add_operator(self, name: str, password: str = "") -> Account:
        """Adds an operator or changes the password; without one a random one is made."""
        if name in RESERVED:
            raise RegistryError(f"No operator can be called {name}; choose another name.")
        try:
            account = Account(name, password or secrets.token_hex(16), "operator")
        except ValueError as error:
            raise RegistryError(str(error)) from None
        with self._changing():
            self._db.table("operators").upsert({"name": name, "password": account.password}, where("name") == name)
        return account

    def _rows(self, table: str) -> list[dict[str, Any]]:
        with self._file():
            return list((AtomicStorage(self.folder / FILE).read() or {}).get(table, {}).values())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time, whichever process makes it; nothing read before it is used again."""
        with self._file():
            descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._db = TinyDB(self.folder / FILE, storage=AtomicStorage)   # the old one knows numbers of rows
                yield
            finally:
                os.close(descriptor)

    @contextmanager
    def _file(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RegistryError(f"The registry {self.folder / FILE} cannot be used ({error.strerror}); make room, "
                                "correct its permissions or name another directory with --data.") from None


OWNER_HINT = "an owner's name is 1 to 32 of a-z, 0-9 and '-'"


def _check(asked: Device, owner: str, revoked: bool, at: int) -> None:
    """Whether a device that has this owner may be enrolled as it is asked for. Raises EnrolmentError."""
    if not is_identifier(asked.owner):
        raise EnrolmentError("bad_owner", f"{asked.owner[:64]!r} is no owner's name.", OWNER_HINT, at)
    if revoked:
        raise EnrolmentError("revoked", f"Device {asked.node} is revoked.",
                             f"`lamplighter node restore {asked.node}` lets it in again; or give it a new key", at)
    if owner != asked.owner:
        raise EnrolmentError("owned_by", f"Device {asked.node} belongs to {owner}.",
                             f"enrol it under that name, or `lamplighter node transfer {asked.node} --owner "
                             f"{asked.owner}`", at)


def _followed(device: Device, owner: str, revoked: bool, epoch: int) -> Device:
    """A device as registry and log together have it: an old copy of the registry undoes nothing."""
    owner = owner or device.owner
    moving = device.next_owner not in ("", owner)
    asked = (device.asked if device.asked >= 0 else epoch) if moving else -1
    after = (owner, device.next_owner if moving else "", asked,
             revoked or (device.revoked and not device.restore), device.restore and revoked)
    if after == (device.owner, device.next_owner, device.asked, device.revoked, device.restore):
        return device   # as nearly all are, at every look
    owner, next_owner, asked, revoked, restore = after
    return replace(device, owner=owner, next_owner=next_owner, asked=asked, revoked=revoked, restore=restore)


def _row(device: Device) -> dict[str, Any]:
    return asdict(device) | {"key": device.key.hex()}


def _device(row: dict[str, Any]) -> Device:
    key = bytes.fromhex(row["key"])
    if len(key) != 32 or device_of(key)[1] != row["node"]:
        raise ValueError(f"the key of {row['node']} is another's")
    return Device(row["node"], key, str(row["owner"]), int(row["enrolled_at"]), bool(row["revoked"]),
                  str(row.get("next_owner", "")), int(row.get("asked", -1)), bool(row.get("restore", False)))


def _made(build: Callable[[], T], path: Path) -> T:
    try:
        return build()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(f"The registry {path} holds a document that is not of its kind ({error!r}); put a backup "
                            "there.") from None
