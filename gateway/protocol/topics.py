"""Every topic but a device's own half of it, which ``firmware.wire`` builds. Runs on MicroPython too."""

from lamplighter.firmware.wire import NODE_UP, WireError, is_identifier, root


def parse_node_topic(site: str, topic: str) -> "tuple[str, str]":
    """(node, leaf) of a topic that a node may publish on. Raises WireError."""
    if len(topic) > 128:
        raise WireError("topic")
    head = root(site) + "/node/"
    parts = topic[len(head):].split("/")
    if not topic.startswith(head) or len(parts) != 2 or not is_identifier(parts[0]) or parts[1] not in NODE_UP:
        raise WireError("topic")
    return parts[0], parts[1]


def gateway_topic(site: str, gateway: str, leaf: str) -> str:
    """``status`` or ``info`` of a gateway."""
    return str(root(site)) + "/gw/" + gateway + "/" + leaf


def task_topic(site: str, task: str, leaf: str) -> str:
    """``status``, ``event``, ``result`` or ``files`` of a task."""
    return str(root(site)) + "/task/" + task + "/" + leaf


def file_topic(site: str, task: str, name: str) -> str:
    """Where a file of a task's answer is."""
    return task_topic(site, task, "file") + "/" + name


def epoch_topic(site: str, epoch: int) -> str:
    """Where a sealed epoch is published."""
    return str(root(site)) + "/epoch/" + str(epoch)


def rpc_topic(site: str, user: str, method: str) -> str:
    """Where ``user`` sends requests, and nobody else may; ``+`` for all users or methods."""
    return str(root(site)) + "/rpc/" + user + "/" + method


def parse_rpc_topic(site: str, topic: str) -> "tuple[str, str]":
    """(user, method) of a topic that requests come on. Raises WireError; the method may be any text."""
    head = root(site) + "/rpc/"
    user, _, method = topic[len(head):].partition("/")
    if not topic.startswith(head) or not is_identifier(user):
        raise WireError("topic")
    return user, method


def reply_topic(site: str, user: str) -> str:
    """Where the gateway answers ``user``."""
    return str(root(site)) + "/reply/" + user
