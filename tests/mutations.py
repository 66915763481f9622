"""Bugs of one line to plant into the source, over all rooms: each must fail the tests that are named beside it."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """In the file ``path`` the text ``old``, which is there once, becomes ``new``; then ``tests`` fails."""

    path: str
    old: str
    new: str
    tests: str


def _of(room: str, tests: str, *rows: tuple[str, str, str, str]) -> list[Mutation]:
    return [Mutation(f"{room}/{path}", old, new, f"tests/{tests}/{test}") for path, old, new, test in rows]


MUTATIONS = [
    *_of(
        "gateway/core", "gateway/core",
        ("replay.py", "job.fence = max(job.fence, row.fence)", "job.fence = row.fence", "test_replay.py"),
        ("spans.py", "working + given + 2 * answered", "given + 2 * answered", "test_spans.py"),
        ("spans.py", "key=lambda at: first[jobs[at].contexts]", "key=lambda at: at", "test_spans.py"),
        ("here.py", "<= price_kop * each_ns", "< price_kop * each_ns", "test_here.py"),
        ("here.py", "state.asked_here < state.policy.max_here", "state.here", "test_here.py"),
        ("judging.py", "done_here(state, task, task.round.asked_here)", "pass", "test_here.py"),
        ("judging.py", "if lease is None or lease.node != node.name:", "if lease is None:", "test_judging.py"),
        ("judging.py", "if again and answer != job.answer:", "if again and answer:", "test_replay.py"),
        ("judging.py", "(verdict is OK) - (lease.verdict is OK)", "(verdict is OK)",
         "test_judging.py"),
        ("judging.py", "node.score * 2 // 3", "node.score * 2 // 2", "test_judging.py"),
        ("whynot.py", "(node.belongs_to(device.owner) or node.belongs_to(device.next_owner))",
         "node.belongs_to(device.owner)", "test_placement.py"),
        ("whynot.py", "spec.heap_bytes > node.heap", "spec.heap_bytes > 2 * node.heap", "test_whynot.py"),
        ("tasks.py", "len(finished) - state.policy.max_finished", "len(finished) - state.policy.max_tasks",
         "test_tasks.py"),
        ("nodes.py", "node.start(at.boot, at.conn, node.once if once == UNBORN else once)",
         "node.start(at.boot, at.conn, node.once)", "test_machine.py"),
        ("nodes.py", "node.muted_until = state.now_ms + event.for_ms", "node.muted_until = event.for_ms",
         "test_whynot.py"),
    ),
    *_of(
        "gateway/ledger", "gateway/ledger",
        ("settle.py", "elif not free or receipt.nonce in nonces:", "elif receipt.nonce in nonces:", "test_settle.py"),
        ("book.py", "leaf.epoch <= self.seal.epoch", "leaf.epoch < self.seal.epoch", "test_book.py"),
        ("merkle.py", "return last == 0 and node == tree_root", "return node == tree_root", "test_merkle.py"),
        ("tiles.py", "int(named[3]) <= rest", "int(named[3]) < rest", "test_tiles.py"),
        ("note.py", "if raw[:4] != key_id(checkpoint.origin, key):", "if not raw:", "test_note.py"),
    ),
    *_of(
        "gateway/protocol", "gateway/protocol",
        ("frames.py", "NO_HEAP <= code <= FAILED", "NO_HEAP <= code < FAILED", "test_frames.py"),
        ("numbers.py", "if len(ranges) > 2 * MAX_RANGES:", "if len(ranges) >= 2 * MAX_RANGES:", "test_numbers.py"),
        ("topics.py", "or not is_identifier(user)", "or not user", "test_topics.py"),
    ),
    *_of(
        "gateway/publiclog", "gateway/publiclog",
        ("writer.py", "os.fsync(file.fileno())", "pass", "test_writer.py"),
        ("writer.py", "        sync_folder(draft.parent)\n", "", "test_writer.py"),
        ("writer.py", "or self.size < remembered:", "or self.size < 0:", "test_writer.py"),
        ("writer.py", "numbers, settled = self._numbers.copy(),", "numbers, settled = Numbers(),", "test_writer.py"),
        ("auditor.py", "r.device.startswith(device)", "r.device.endswith(device)", "test_auditor.py"),
    ),
    *_of(
        "gateway/adapters", "gateway/adapters",
        ("files.py", "        os.fsync(descriptor)\n    except OSError", "    except OSError", "test_files.py"),
        ("files.py", "O_DIRECTORY)\n    try:\n        os.fsync(descriptor)", "O_DIRECTORY)\n    try:\n        pass",
         "test_files.py"),
        ("files.py", "        sync_folder(folder.parent)\n", "", "test_files.py"),
        ("registry.py", "            make_folder(folder, 0o700)", "            folder.mkdir(exist_ok=True)",
         "test_registry.py"),
        ("opening.py", "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL", "test_opening.py"),
        ("store.py", "or hash_ != chained(self._hash, body)", "", "test_store.py"),
        ("fold.py", "if lease[_EPOCH] in (-1, row[3]):", "if row:", "test_store.py"),
        ("clock.py", "and not check   #", "#", "test_clock.py"),
        ("registry.py", "keep=self.previous", "keep=None", "test_registry.py"),
    ),
    *_of(
        "gateway/runtime", "gateway/runtime",
        ("pump.py", "done.set if event is events[-1] else None", "done.set", "test_pump.py"),
        ("gate.py", "left if left > -DEBT_BYTES else -DEBT_BYTES", "left", "test_gate.py"),
        ("inbox.py", "if message.retain and message.payload:", "if not message:", "test_inbox.py"),
        ("blobs.py", "min(MAX_CHUNK, takes)", "MAX_CHUNK", "test_blobs.py"),
        ("enrolment.py", "elif not device.revoked and (known is None", "elif (known is None", "test_enrolment.py"),
        ("stores.py", "max(said.number, journal.starts) + 1", "said.number + 1", "test_stores.py"),
        ("stores.py", "public.last.epoch >= journal.epoch()", "public.last.epoch > journal.epoch()",
         "test_stores.py"),
    ),
    *_of(
        "gateway/api", "gateway/api",
        ("guard.py", "and len(topic) <= MAX_TOPIC", "", "test_window.py"),
        ("rpc.py", "len(server.waiting) >= MAX_WAITING", "len(server.waiting) > 2 * MAX_WAITING", "test_rpc.py"),
        ("requests.py", "if reply_to not in (user, ANYBODY):", "if not reply_to:", "test_requests.py"),
        ("requests.py", "not isinstance(value, int) or isinstance(value, bool)", "not isinstance(value, int)",
         "test_requests.py"),
    ),
    *_of(
        "firmware", "firmware",
        ("mqtt.py", "self._id % 0xFFFF + 1", "self._id + 1 & 0xFFFF", "test_on_both.py -k on_cpython"),
        ("agent.py", "> 16 + 2 * self._room", "> 1", "test_on_both.py -k on_cpython"),
        ("receipts.py", "if self.seq >= self.end:", "if self.seq > 2 * self.end:", "test_on_both.py -k on_cpython"),
        ("blobs.py", "or held[0] in entry[0].contexts", "", "test_on_both.py -k on_cpython"),
        ("fetch.py", "or offset != self._got", "", "test_on_both.py -k on_cpython"),
        ("mac.py", "wrong |= mine[i]", "wrong = mine[i]", "test_on_both.py -k on_micropython"),
        ("cobs.py", "if seq != self._last + 1 & 255:", "if seq == self._last + 2 & 255:",
         "test_on_both.py -k on_cpython"),
        ("loader.py", "digest.digest()[:16] != name", "not name", "test_on_both.py -k on_cpython"),
    ),
    *_of(
        "gateway/devicebuild", "gateway/devicebuild",
        ("compiler.py", "    if not march:\n        source = VIPER", "    if not as_mpy:\n        source = VIPER",
         "test_compiler.py"),
        ("compiler.py", "        old.unlink()\n", "        pass\n", "test_compiler.py"),
        ("kernels.py", "if file.stem not in parts:", "if not parts:", "test_kernels.py"),
        ("tuples.py", "if node.attr not in self.places:", "if node.attr in self.places:", "test_tuples.py"),
    ),
    *_of(
        "tasks", "tasks",
        ("environment/airmap/method/variogram.py", "reach_m / 3", "reach_m / 2",
         "environment/airmap/test_variogram.py"),
        ("environment/sensorqc/method/judge.py", "ties[0][0] + ties[-1][0]", "ties[0][0] + ties[0][0]",
         "environment/sensorqc/test_judge.py"),
        ("energy/battery/method/worth.py", "return units >= store.end", "return True",
         "energy/battery/test_worth.py"),
        ("energy/evhosting/method/tally.py", "self.violated += one.flags != 0", "self.violated += one.flags",
         "energy/evhosting/test_solve.py"),
        ("traffic/forecast/method/clock.py", "for fold in (0, 1)}", "for fold in (0,)}",
         "traffic/forecast/test_clock.py"),
        ("traffic/signals/kernel.py", "_START = const(35)", "_START = const(36)", "traffic/signals/test_kernel.py"),
        ("traffic/signals/method/safety.py", "lasts < min(was, most)", "lasts < 0", "traffic/signals/test_safety.py"),
        ("traffic/signals/method/search.py", "group[k] = group[i]", "group[k] = group[j]",
         "traffic/signals/test_search.py"),
        ("checked.py", "if found >= self._most:", "if found > 1 << 40:", "test_checked.py"),
        ("readers/senml.py", "float(numbers[2] + numbers[3])", "float(numbers[2] or numbers[3])",
         "readers/test_senml.py"),
        ("readers/allow.py", "if value not in values:", "if value is None:", "readers/test_allow.py"),
        ("readers/pandapower.py", "end not in self.buses or", "end in self.buses and", "readers/test_pandapower.py"),
        ("readers/flows.py", "counted = whole or same", "counted = same", "readers/test_flows.py"),
        ("readers/plausible.py", "place - start >= SILENT_H and", "", "readers/test_plausible.py"),
    ),
]
