"""Publishes a task and follows it to its answer, with an MQTT client and nothing of Lamplighter.

    python examples/publish.py BROKER examples/tasks/dust.json > answer.json

BROKER is what `lamplighter up --print-urls` prints, mqtt://operator:password@host:port. What happens goes to
standard error, the answer to standard output; the exit code is 0 if there is one.
"""

import json
import queue
import sys
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

SITE = "lamplighter/v1/demo"
PATIENCE_S = 10


def follow(broker: str, request: dict) -> dict:
    """The task's result, or its refusal. Raises OSError with one sentence when there is no broker or no gateway."""
    at, payload = urlsplit(broker), json.dumps(request)
    heard, ready = queue.Queue(), queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(at.username, at.password)
    client.on_message = lambda _client, _data, message: heard.put(message)
    client.on_connect = lambda _client, _data, _flags, reason, _more: \
        ready.put(str(reason)) if reason.is_failure else client.subscribe(
            [(f"{SITE}/task/{request['id']}/+", 1), (f"{SITE}/gw/+/+", 1)])
    client.on_subscribe = lambda *_: ready.put("")
    client.connect(at.hostname, at.port)
    client.loop_start()
    try:
        if problem := awaited(ready, "the broker does not answer"):
            raise OSError(f"the broker says: {problem}")
        most = gateway(heard)
        if len(payload.encode()) > most:
            raise OSError(f"the task has {len(payload.encode())} bytes; this gateway takes {most}")
        client.publish(f"{SITE}/rpc/{at.username}/task.submit", payload, 1)
        while True:
            message = heard.get()
            told = json.loads(message.payload or "{}")
            leaf = message.topic.rpartition("/")[2]
            if message.topic.startswith(f"{SITE}/gw/"):
                continue
            if leaf == "status" and told:
                print(told["state"], f"{told['jobs_done']} of {told['jobs_total']} jobs", told["waits_for"],
                      file=sys.stderr)
            elif leaf == "result" or told.get("what") == "refused":
                return told
    finally:
        client.disconnect()
        client.loop_stop()


def gateway(heard: queue.Queue) -> int:
    """How many bytes a gateway that is there takes in one request: what it says of itself, the broker keeps."""
    online, most = False, 0
    kept = []
    while not (online and most):
        message = awaited(heard, "no gateway is online there; is `lamplighter up` running, with the site demo?")
        told = json.loads(message.payload or "{}")
        if message.topic.startswith(f"{SITE}/gw/"):
            online = online or told.get("state") == "online"
            most = told.get("max_request", most)
        else:
            kept.append(message)
    for message in kept:
        heard.put(message)
    return most


def awaited(what: queue.Queue, sentence: str):
    """The next of it. Raises OSError with a sentence when there is none in time."""
    try:
        return what.get(timeout=PATIENCE_S)
    except queue.Empty:
        raise OSError(sentence) from None


if __name__ == "__main__":
    try:
        answer = follow(sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8")))
    except OSError as error:
        sys.exit(f"{sys.argv[1].rpartition('@')[2]}: {error}")
    print(json.dumps(answer, indent=1, ensure_ascii=False))
    sys.exit(0 if answer.get("ok") else 1)
