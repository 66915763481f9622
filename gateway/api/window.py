"""What the page and the API show of a running gateway: the ``Window`` of ``adapters.http``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lamplighter.gateway import __version__
from lamplighter.gateway.adapters.http import NoFiles
from lamplighter.gateway.adapters.mqtt import MqttLink
from lamplighter.gateway.api.guard import Guard
from lamplighter.gateway.api.views import health, nodes_view, task_view
from lamplighter.gateway.publiclog.writer import PublicLog
from lamplighter.gateway.runtime.shell import Shell
from lamplighter.gateway.runtime.solvers import KindBroke
from lamplighter.tasks.api import TaskError


class Window:
    """Reads the state when asked, on the loop; changes nothing."""

    def __init__(self, shell: Shell, link: MqttLink, guard: Guard, public: PublicLog, site: str, boot: int) -> None:
        self._state, self._shell, self._link, self._pump = shell.machine.state, shell, link, shell.pump
        self._guard, self._public, self._turned_away = guard, public, 0
        self._about = {"site": site, "version": __version__, "boot": boot, "net": public.net.hex()}

    def health(self) -> dict[str, Any]:
        return {**health(self._state), **self._guard.view(), **self._shell.budgets.view(),
                **self._shell.means(), **self._about,
                "broker": str(self._link.broker), "broker_up": self._link.up}

    def tasks(self) -> list[dict[str, Any]]:
        return [task_view(task) for task in self._state.tasks.values()]

    def task(self, task: str) -> dict[str, Any] | None:
        return task_view(self._state.tasks[task]) if task in self._state.tasks else None

    def result(self, task: str) -> dict[str, Any] | None:
        known = self._state.tasks.get(task)
        return json.loads(known.result) if known and known.result else None

    async def files(self, task: str) -> Mapping[str, bytes] | None:
        known = self._state.tasks.get(task)
        try:
            return await self._shell.files.of(known.result) if known and known.result else None
        except TaskError as error:
            raise NoFiles(error.code) from None
        except KindBroke:
            raise NoFiles("kind_failed") from None

    def nodes(self) -> list[dict[str, Any]]:
        return nodes_view(self._state)

    def node(self, node: str) -> dict[str, Any] | None:
        return nodes_view(self._state, self._state.nodes[node])[0] if node in self._state.nodes else None

    def epochs(self) -> list[dict[str, Any]]:
        return [{"epoch": seal.epoch, "receipts": seal.receipts, "credits": seal.credits, "bundle": seal.bundle.hex()}
                for seal in self._public.epochs()]

    def damaged(self) -> dict[str, str]:
        return self._shell.sealing.damaged

    def turn_away(self) -> None:
        """A live page could not be opened."""
        self._turned_away += 1

    def counters(self) -> dict[str, int]:
        link = self._link.counters
        return {**self._state.counters, **self._shell.counters, "messages_in": link.received,
                "messages_out": link.published, "messages_dropped": link.dropped, "messages_held": link.held,
                "requests_retained": self._guard.ignored,
                "listeners_refused": self._turned_away, "events": self._pump.events, "batches": self._pump.batches}
