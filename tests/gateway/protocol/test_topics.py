"""Topics: what devices publish on is taken apart, the gateway's own are built."""

import pytest

from lamplighter.firmware import wire
from lamplighter.gateway.protocol import topics


@pytest.mark.parametrize("topic", [
    "", "lamplighter/v1/demo", "lamplighter/v1/demo/node/a", "lamplighter/v1/demo/node/a/lease",
    "lamplighter/v1/demo/node/A/bid", "lamplighter/v1/demo/node//bid", "lamplighter/v1/demo/node/a/b/bid",
    "lamplighter/v2/demo/node/a/bid", "lamplighter/v1/other/node/a/bid", "lamplighter/v1/demo/node/a/bid/",
    "lamplighter/v1/demo/node/" + "a" * 33 + "/bid", "lamplighter/v1/demo/node/" + "a" * 200 + "/bid",
    "lamplighter/v1/demo/node/+/bid",
])
def test_foreign_topics_are_refused(topic):
    """Only the topics on which a node may publish are read."""
    with pytest.raises(wire.WireError, match="topic"):
        topics.parse_node_topic("demo", topic)


def test_topics_of_nodes_are_read():
    """What a device calls its topic, the gateway takes apart."""
    for leaf in wire.NODE_UP:
        assert topics.parse_node_topic("demo", wire.node_topic("demo", "0a-b", leaf)) == ("0a-b", leaf)


def test_topics_of_requests_name_who_asks():
    """The user is an identifier; what is asked may be anything, so that whoever asks can be told."""
    assert topics.parse_rpc_topic("demo", topics.rpc_topic("demo", "city", "task.list")) == ("city", "task.list")
    assert topics.parse_rpc_topic("demo", topics.rpc_topic("demo", "city", "a/b")) == ("city", "a/b")
    for topic in ("", "lamplighter/v1/demo/rpc/task.list", topics.rpc_topic("demo", "", "x"),
                  topics.rpc_topic("demo", "a" * 33, "x"), topics.rpc_topic("other", "city", "x")):
        with pytest.raises(wire.WireError, match="topic"):
            topics.parse_rpc_topic("demo", topic)


def test_the_gateways_topics_lie_below_the_site():
    """One tree for each thing that is told: gateways, tasks, epochs, requests and their answers."""
    built = [topics.gateway_topic("demo", "gw-1", "info"), topics.task_topic("demo", "dust", "event"),
             topics.epoch_topic("demo", 12), topics.rpc_topic("demo", "city", "+"),
             topics.reply_topic("demo", "city"), topics.file_topic("demo", "dust", "map.svg")]
    below = ["gw/gw-1/info", "task/dust/event", "epoch/12", "rpc/city/+", "reply/city", "task/dust/file/map.svg"]
    assert built == ["lamplighter/v1/demo/" + path for path in below]
