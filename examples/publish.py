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


def follow(broker: str, request: dict) -> dict:
    """The task's result, or its refusal."""
    at = urlsplit(broker)
    heard, ready = queue.Queue(), queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(at.username, at.password)
    client.on_message = lambda _client, _data, message: heard.put(message)
    client.on_connect = lambda *_: client.subscribe(f"{SITE}/task/{request['id']}/#", 1)
    client.on_subscribe = lambda *_: ready.put(True)
    client.connect(at.hostname, at.port)
    client.loop_start()
    try:
        ready.get(timeout=10)   # subscribed before the request is sent: nothing of the answer can be missed
        client.publish(f"{SITE}/rpc/{at.username}/task.submit", json.dumps(request), 1)
        while True:
            message = heard.get()
            told = json.loads(message.payload or "{}")
            leaf = message.topic.rpartition("/")[2]
            if leaf == "status" and told:
                print(told["state"], f"{told['jobs_done']} of {told['jobs_total']} jobs", told["waits_for"],
                      file=sys.stderr)
            elif leaf == "result" or told.get("what") == "refused":
                return told
    finally:
        client.disconnect()
        client.loop_stop()


if __name__ == "__main__":
    answer = follow(sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8")))
    print(json.dumps(answer, indent=1, ensure_ascii=False))
    sys.exit(0 if answer.get("ok") else 1)
