"""Who takes part: devices, owners, operators and the gateway's own secrets, in one small TinyDB file.

A person can read the file; the programs write it whole, by way of a temporary file, fsync and rename, and keep the
copy before. It carries a checksum: what a worn card or a stray edit has changed is refused, never taken as valid,
and the older copy is never taken silently either, because it would bring a revoked device back.
"""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from tinydb import TinyDB, where
from tinydb.storages import Storage

from lamplighter.firmware.mac import derive
from lamplighter.firmware.wire import device_of, is_identifier
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.core.policy import Policy

FILE, PREVIOUS, LOCK = "registry.json", "registry.previous.json", "registry.lock"

T = TypeVar("T")


class RegistryError(Exception):
    """The registry cannot be read or written: one sentence with the next step."""


class EnrolmentError(RegistryError):
    """A device cannot be enrolled as asked; nothing was written. ``code``: ``owned_by``, ``revoked`` or
    ``too_many_devices``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Device:
    """An enrolled device. ``key``: 32 bytes shared with it; ``enrolled_at``: ms since 1970."""

    node: str
    key: bytes = field(repr=False)
    owner: str
    enrolled_at: int
    revoked: bool = False

    @cached_property
    def name(self) -> bytes:
        """The 16 bytes that stand for it in structs."""
        return bytes(device_of(self.key)[0])

    @property
    def account(self) -> Account:
        """How it signs in to a broker."""
        return Account(self.node, derive(self.key, b"mqtt")[:16].hex(), "device")


@dataclass(frozen=True)
class Gateway:
    """The gateway's own: its broker password, and the 32 bytes from which nonces are derived."""

    password: str = field(repr=False)
    secret: bytes = field(repr=False)

    def client_id(self, name: str) -> str:
        """A lasting MQTT client id of at most 23 characters that nobody else knows: who knew it could cut us off."""
        return f"{name[:12]}-{derive(self.secret, b'client')[:5].hex()}"


class AtomicStorage(Storage):
    """TinyDB storage that is whole after any crash and knows when it is not. Raises RegistryError, OSError."""

    def __init__(self, path: Path) -> None:
        self.path, self.previous = path, path.with_name(PREVIOUS)

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables, None before the first write."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            if self.previous.exists():
                raise self._refusal("is missing") from None
            return None
        try:
            whole = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
            tables = whole["tables"]
            stated = whole.get("checksum", _checksum(tables))  # left out by a person who edited the file on purpose
            sound = whole.keys() <= {"checksum", "tables"} and stated == _checksum(tables)
            sound = sound and all(isinstance(table, dict) for table in tables.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise self._refusal("is damaged")
        return dict(tables)

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replaces the file; the one before stays beside it."""
        tables = json.loads(json.dumps(data))  # document ids become the text keys that a reader will see
        text = json.dumps({"checksum": _checksum(tables), "tables": tables}, indent=1)
        write_atomically(self.path, text.encode() + b"\n", keep=self.previous)

    def _refusal(self, what: str) -> RegistryError:
        return RegistryError(
            f"The registry {self.path} {what}; put a backup there, or after checking it the copy before the last "
            f"change ({self.previous}), or delete the \"checksum\" line if you edited the file on purpose.")


def _checksum(tables: Any) -> str:
    return hashlib.sha256(json.dumps(tables, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def _no_constant(word: str) -> None:
    raise ValueError(word)


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
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise RegistryError(f"The folder {folder} cannot be made ({error.strerror}); name another with --data.") \
                from None
        registry = cls(folder, TinyDB(folder / FILE, storage=AtomicStorage), most)
        with registry._changing():
            table = registry._db.table("gateway")
            if not table.all():
                table.insert({"password": secrets.token_hex(16), "secret": secrets.token_hex(32)})
        registry.accounts("gateway")  # reads every document once
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
        rows = self._rows("devices")
        return _made(lambda: [_device(row) for row in rows], self.folder / FILE)

    def owners(self) -> list[str]:
        """Names of those who are paid for devices."""
        return sorted({device.owner for device in self.devices()})

    def operators(self) -> list[Account]:
        """Accounts of those who publish tasks."""
        rows = self._rows("operators")
        return _made(lambda: [Account(row["name"], row["password"], "operator") for row in rows], self.folder / FILE)

    def accounts(self, gateway: str) -> list[Account]:
        """Everybody who may sign in to a broker, ``gateway`` under this name."""
        return [Account(gateway, self.gateway.password, "gateway"), *self.operators(),
                *(device.account for device in self.devices() if not device.revoked)]

    def enrol(self, pairs: Iterable[tuple[bytes, str]], now_ms: int) -> list[Device]:
        """Adds devices by key (32 random bytes) and owner, all in one write; known ones stay as they are.

        Raises EnrolmentError for one that is known under another owner or is revoked: neither changes by enrolling.
        """
        wanted: dict[str, Device] = {}
        with self._changing():
            table = self._db.table("devices")
            known = {row["node"]: _device(row) for row in table.all()}
            for key, owner in pairs:
                device = Device(device_of(key)[1], key, owner, now_ms)
                _check(device, known.get(device.node) or wanted.setdefault(device.node, device))
                wanted[device.node] = known.get(device.node, device)
            fresh = [device for node, device in wanted.items() if node not in known]
            if len(known) + len(fresh) > self.most:
                raise EnrolmentError("too_many_devices", f"A gateway takes at most {self.most} devices, revoked ones "
                                     "among them; set up another for more.")
            if fresh:
                table.insert_multiple({"node": device.node, "key": device.key.hex(), "owner": device.owner,
                                       "enrolled_at": now_ms, "revoked": False} for device in fresh)
        return list(wanted.values())

    def revoke(self, node: str) -> None:
        """Ends a device's part for good; its record stays, so that its receipts can be judged."""
        with self._changing():
            if not self._db.table("devices").contains(where("node") == node):
                raise RegistryError(f"No device {node} is enrolled; `lamplighter node list` shows those that are.")
            self._db.table("devices").update({"revoked": True}, where("node") == node)

    def add_operator(self, name: str, password: str = "") -> Account:
        """Adds an operator or changes the password; without one a random one is made."""
        try:
            account = Account(name, password or secrets.token_hex(16), "operator")
        except ValueError as error:
            raise RegistryError(str(error)) from None
        with self._changing():
            self._db.table("operators").upsert({"name": name, "password": account.password}, where("name") == name)
        return account

    def _rows(self, table: str) -> list[dict[str, Any]]:
        with self._file():
            return [dict(row) for row in self._db.table(table).all()]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time, whichever process makes it; nothing read before it is used again."""
        with self._file():
            descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._db.table("devices").clear_cache()
                self._db.table("operators").clear_cache()
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


def _check(asked: Device, known: Device) -> None:
    """Whether a device may be enrolled as it is asked for. Raises RegistryError."""
    if not is_identifier(asked.owner):
        raise RegistryError(f"An owner's name is 1 to 32 of a-z, 0-9 and '-', not {asked.owner!r}.")
    if known.revoked:
        raise EnrolmentError("revoked", f"Device {asked.node} is revoked; give it a new key to let it in again.")
    if known.owner != asked.owner:
        raise EnrolmentError("owned_by", f"Device {asked.node} belongs to {known.owner}; enrol it under that name, "
                             "or give it a new key.")


def _device(row: dict[str, Any]) -> Device:
    key = bytes.fromhex(row["key"])
    if len(key) != 32 or device_of(key)[1] != row["node"]:
        raise ValueError(f"the key of {row['node']} is another's")
    return Device(row["node"], key, str(row["owner"]), int(row["enrolled_at"]), bool(row["revoked"]))


def _made(build: Callable[[], T], path: Path) -> T:
    try:
        return build()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(f"The registry {path} holds a document that is not of its kind ({error!r}); put a backup "
                            "there.") from None
