"""Who may do what on a broker: one table of accounts and topics, written out for each broker in its own form."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware.wire import NODE_DOWN, NODE_UP, node_topic
from gateway.core.frames import epoch_topic, gateway_topic, reply_topic, rpc_topic, task_topic

ROLES = ("gateway", "device", "operator")


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


def permitted(site: str, account: Account) -> tuple[list[str], list[str]]:
    """(topic filters it may publish to, topic filters it may subscribe to)."""
    if account.role == "gateway":
        return ["#"], ["#"]
    if account.role == "device":
        gateways = [gateway_topic(site, "+", leaf) for leaf in ("status", "info")]
        return ([node_topic(site, account.user, leaf) for leaf in NODE_UP],
                [node_topic(site, account.user, leaf) for leaf in NODE_DOWN] + gateways)
    trees = [topic(site, "#", "").rstrip("/") for topic in (task_topic, gateway_topic)]
    return ([rpc_topic(site, "+")],
            [*trees, epoch_topic(site, 0).removesuffix("0") + "+", reply_topic(site, account.user),
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
