"""Who may do what on a broker: one table of accounts and topics, written out for each broker in its own form."""

import asyncio
import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lamplighter.firmware.wire import NODE_DOWN, NODE_UP, node_topic
from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.protocol.topics import epoch_topic, gateway_topic, reply_topic, rpc_topic, task_topic

ROLES = ("gateway", "device", "operator")
ITERATIONS = 101  # Mosquitto's own number; what it protects are passwords of 128 random bits


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in. ``role``: ``gateway`` (everything), ``device`` (``user`` is its node id) or ``operator``.

    Raises ValueError for a name or password that not every broker takes as it stands.
    """

    user: str
    password: str = field(repr=False)
    role: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]{1,32}", self.user):
            raise ValueError(f"An account name is 1 to 32 of a-z, 0-9 and '-', not {self.user!r}.")
        if not re.fullmatch(r"[!#-\[\]-~]{8,128}", self.password) or self.password.startswith("$2"):
            raise ValueError(f"The password of {self.user} must be 8 to 128 printable ASCII characters other than "
                             "space, \" and \\, and must not start with $2.")
        if self.role not in ROLES:
            raise ValueError(f"A role is one of {', '.join(ROLES)}, not {self.role!r}.")


def permitted(site: str, role: str, user: str) -> tuple[list[str], list[str]]:
    """(topic filters ``user`` may publish to, topic filters it may subscribe to)."""
    if role == "gateway":
        return ["#"], ["#"]
    if role == "device":
        gateways = [gateway_topic(site, "+", leaf) for leaf in ("status", "info")]
        return ([node_topic(site, user, leaf) for leaf in NODE_UP],
                [node_topic(site, user, leaf) for leaf in NODE_DOWN] + gateways)
    trees = [topic(site, "#", "").rstrip("/") for topic in (task_topic, gateway_topic)]
    return ([rpc_topic(site, user, "+")],
            [*trees, epoch_topic(site, 0).removesuffix("0") + "+", reply_topic(site, user),
             reply_topic(site, "anonymous"),
             node_topic(site, "+", "status")])


def nats_subjects(filters: Iterable[str]) -> list[str]:
    """MQTT filters in the spelling of nats-server, where ``a/#`` does not include ``a`` itself.

    A client that asks for ``task/#`` is granted only what is allowed here, so both are.
    """
    subjects = []
    for topic in filters:
        subject = topic.replace("/", ".").replace("+", "*").replace("#", ">")
        subjects += [subject, subject[:-2]] if subject.endswith(".>") else [subject]
    return subjects


def mosquitto_rules(site: str, role: str) -> str:
    """The access rules of one role as Mosquitto reads them; ``%u`` is whoever signed in (mosquitto.conf(5))."""
    publish, subscribe = permitted(site, role, "%u")
    return "".join([f"pattern write {topic}\n" for topic in publish]
                   + [f"pattern read {topic}\n" for topic in subscribe])


def mosquitto_password(account: Account, salt: bytes) -> str:
    """A line of a Mosquitto password file: PBKDF2 (RFC 8018) with HMAC-SHA-512, 64 bytes, ``$7$`` in its notation."""
    digest = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, ITERATIONS)
    return f"{account.user}:$7${ITERATIONS}${b64encode(salt).decode()}${b64encode(digest).decode()}\n"


class PasswordFiles:
    """Accounts of a Mosquitto that somebody else runs: files that they make their own, as ``deploy/`` shows.

    One file for each role, ``<role>.passwd``, and after them an empty one, ``changed``: who waits for it removes it
    and then takes the others.
    """

    def __init__(self, folder: Path, accounts: Iterable[Account]) -> None:
        self._folder, self._accounts = folder, {account.user: account for account in accounts}

    async def change_accounts(self, add: Iterable[Account] = (), remove: Iterable[str] = ()) -> None:
        """Adds, replaces and removes accounts and writes everything anew. Raises OSError."""
        gone = set(remove)
        self._accounts.update((account.user, account) for account in add)
        self._accounts = {user: account for user, account in self._accounts.items() if user not in gone}
        await asyncio.to_thread(self._write, list(self._accounts.values()))

    def _write(self, accounts: list[Account]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for role in ROLES:
            lines = [mosquitto_password(account, os.urandom(12)) for account in accounts if account.role == role]
            write_atomically(self._folder / f"{role}.passwd", "".join(lines).encode())
        write_atomically(self._folder / "changed", b"")
