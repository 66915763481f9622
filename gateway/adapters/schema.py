"""The tables of the journal and what is asked of them, as SQL. ``store`` runs it.

Every table is one tree of pages: there are no indexes that could disagree with it.
"""

from __future__ import annotations

from typing import NamedTuple

from lamplighter.gateway.adapters.rows import columns
from lamplighter.gateway.core.effects import (
    KeepAnswer,
    KeepClock,
    KeepEpoch,
    KeepLease,
    KeepRound,
    KeepSetback,
    KeepTask,
    KeepTaskEnd,
)

APPLICATION_ID = 0x4C414D50
"""``LAMP``, in the header of the file: tells our journals from any other SQLite file."""

SCHEMA_VERSION = 4
FINISHED_KEPT = 256
"""How many finished tasks are kept, newest first, for display and for ids that come again."""

_BYTES = bytes(range(1, 256)).hex()
JOBS = f"(CASE cuts WHEN x'' THEN 1 ELSE instr(x'{_BYTES}', substr(cuts, {{}} + 1, 1)) END)"
"""How many jobs there are in what is leased of a row of ``round``, by its index: one, or those of a span, which are a
byte of ``cuts``."""

TABLES = f"""
CREATE TABLE tail(number INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT;

CREATE TABLE segment(
    name TEXT NOT NULL, number INTEGER NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(name, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE life(
    epoch INTEGER NOT NULL, sealed INTEGER NOT NULL, last_lease INTEGER NOT NULL, clock_ms INTEGER NOT NULL,
    ahead_ms INTEGER NOT NULL, machine TEXT NOT NULL, commits INTEGER NOT NULL, hash BLOB NOT NULL,
    root INTEGER NOT NULL, sum INTEGER NOT NULL, starts INTEGER NOT NULL
) STRICT;

CREATE TABLE task(
    task TEXT PRIMARY KEY, number INTEGER NOT NULL, kind TEXT NOT NULL, priority INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL, submitted_at_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT '', run INTEGER NOT NULL DEFAULT 0, totals TEXT NOT NULL DEFAULT '',
    finished INTEGER NOT NULL DEFAULT 0, end_epoch INTEGER NOT NULL DEFAULT -1,
    body BLOB NOT NULL, result BLOB NOT NULL DEFAULT x'', submitted_by TEXT NOT NULL DEFAULT '',
    setback TEXT NOT NULL DEFAULT '', life INTEGER NOT NULL DEFAULT 0, place TEXT NOT NULL DEFAULT 'auto'
) STRICT, WITHOUT ROWID;

CREATE TABLE round(
    task TEXT NOT NULL, round INTEGER NOT NULL, run INTEGER NOT NULL, first_lease INTEGER NOT NULL,
    jobs INTEGER NOT NULL, expected INTEGER NOT NULL, audited INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0, kernel BLOB NOT NULL DEFAULT x'', digest BLOB NOT NULL DEFAULT x'',
    cuts BLOB NOT NULL DEFAULT x'', here TEXT NOT NULL DEFAULT '', here_jobs INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(task, round)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease(
    lease INTEGER PRIMARY KEY, task TEXT NOT NULL, round INTEGER NOT NULL, job_index INTEGER NOT NULL,
    fence INTEGER NOT NULL, node TEXT NOT NULL, owner TEXT NOT NULL, nonce BLOB NOT NULL,
    price_kop INTEGER NOT NULL, report_by INTEGER NOT NULL, ended TEXT NOT NULL, verdict TEXT NOT NULL,
    epoch INTEGER NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, proof BLOB NOT NULL, answer BLOB NOT NULL
) STRICT;

CREATE TABLE share(
    task TEXT NOT NULL, node TEXT NOT NULL, leases INTEGER NOT NULL, done INTEGER NOT NULL, PRIMARY KEY(task, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE answer(
    task TEXT NOT NULL, round INTEGER NOT NULL, job_index INTEGER NOT NULL, answer BLOB NOT NULL,
    audited INTEGER NOT NULL, here TEXT NOT NULL DEFAULT '', PRIMARY KEY(task, round, job_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE standing(
    node TEXT PRIMARY KEY, score INTEGER NOT NULL DEFAULT 0, lies INTEGER NOT NULL DEFAULT 0,
    quarantined_until INTEGER NOT NULL DEFAULT 0, boot INTEGER NOT NULL DEFAULT 0,
    conn INTEGER NOT NULL DEFAULT 0, once INTEGER NOT NULL DEFAULT -1,
    pending_kop INTEGER NOT NULL DEFAULT 0, used BLOB NOT NULL DEFAULT x''
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audited AFTER INSERT ON answer WHEN NEW.audited BEGIN
    UPDATE round SET audited = audited + {JOBS.format('NEW.job_index')},
        here_jobs = here_jobs + (NEW.here <> '') * {JOBS.format('NEW.job_index')}
        WHERE task = NEW.task AND round = NEW.round;
END;
CREATE TRIGGER replaced AFTER UPDATE ON answer WHEN NEW.audited <> OLD.audited BEGIN
    UPDATE round SET audited = audited + (NEW.audited - OLD.audited) * {JOBS.format('NEW.job_index')}
        WHERE task = NEW.task AND round = NEW.round;
END;

CREATE TRIGGER task_over AFTER UPDATE OF state ON task BEGIN
    DELETE FROM answer WHERE task = NEW.task;
    DELETE FROM round WHERE task = NEW.task;
    DELETE FROM segment WHERE name = 'answer ' || NEW.task;
    DELETE FROM share WHERE task = NEW.task;
    DELETE FROM task WHERE finished BETWEEN 1 AND NEW.finished - {FINISHED_KEPT};
END;

CREATE VIEW setback AS SELECT task, 0 AS round, run, setback FROM task;
CREATE TRIGGER set_back INSTEAD OF INSERT ON setback BEGIN
    UPDATE task SET run = NEW.run, setback = NEW.setback WHERE task = NEW.task;
    DELETE FROM answer WHERE task = NEW.task AND round > NEW.round;
    DELETE FROM round WHERE task = NEW.task AND round > NEW.round;
    DELETE FROM segment WHERE name = 'answer ' || NEW.task AND number > NEW.round;
END;
"""  # noqa: S608 - constants only

FIRST_ROW = "INSERT INTO life VALUES(0, -1, 0, 0, 0, '', 0, zeroblob(16), 0, 0, 0)"
MARK = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"


class Segment(NamedTuple):
    """Rows of a table that have one sum: its name and number for a row, and which rows have those.

    In ``rows`` ?1 is a name, ?2 the first and ?3 the last number.
    """

    name: str
    number: str = "0"
    rows: str = "?1 = ?1 AND ?2 <= 0 AND ?3 >= 0"
    told: str = "INSERT NEW, UPDATE OLD, UPDATE NEW, DELETE OLD"
    """Which rows triggers tell of. The rest is told by who does it, which is faster; answers go by segments."""


SEGMENTS = {
    "task": Segment("'task'"),
    "round": Segment("'round'"),
    "standing": Segment("'standing'", told=""),
    "share": Segment("'share'", told="DELETE OLD"),
    "lease": Segment("'lease'", "{row}.lease >> 8", "?1 = ?1 AND lease BETWEEN ?2 << 8 AND (?3 << 8) + 255",
                     "DELETE OLD"),
    "answer": Segment("'answer ' || {row}.task", "{row}.round", "task = substr(?1, 8) AND round BETWEEN ?2 AND ?3",
                      "UPDATE OLD"),
    "segment": Segment("''"),
}
"""The sum of the table of sums is ``root`` of ``life``, which has a sum of its own row."""


def _insert(table: str, kind: type, keys: str = "", also: str = "", given: str = "", verb: str = "INSERT") -> str:
    """A row for the fields of an effect; where ``keys`` are there already its other fields replace theirs."""
    names = columns(kind)
    sql = (f"{verb} INTO {table}({', '.join(names)}{also}) VALUES("
           f"{', '.join(f'?{at + 1}' for at in range(len(names)))}{given})")
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys.split(", "))
    return f"{sql} ON CONFLICT({keys}) DO UPDATE SET {changed}" if keys else sql


# What each durable effect does to the tables; ?1, ?2, ... are the fields of the effect in their order. Those of
# leases and nodes are not here: ``fold`` puts together what becomes of each.
FOLD: dict[type, str] = {
    KeepTask: _insert("task", KeepTask, also=", run, number",
                      given=", ?9, (SELECT coalesce(max(number), 0) + 1 FROM task)",
                      verb="INSERT OR REPLACE"),
    KeepRound: _insert("round", KeepRound, "task, round"),
    KeepSetback: "INSERT INTO setback(task, round, run, setback) VALUES(?1, ?2, ?3, ?4)",
    KeepTaskEnd: "UPDATE task SET state = ?2, result = ?3, totals = ?4,"
                 " finished = (SELECT max(finished) + 1 FROM task),"
                 " end_epoch = (SELECT epoch FROM life) WHERE task = ?1 AND state = ''",
    KeepAnswer: _insert("answer", KeepAnswer, "task, round, job_index"),
    KeepEpoch: "UPDATE life SET epoch = ?1",
    KeepClock: "UPDATE life SET clock_ms = ?1",
}

GIVEN = columns(KeepLease)
OUTCOME = ["ended", "verdict", "epoch", "boot", "seq", "proof", "answer"]
NEW_LEASE = (f"INSERT INTO lease({', '.join(GIVEN + OUTCOME)})"
             f" VALUES({', '.join('?' * len(GIVEN + OUTCOME))})")
LEASE_ENDED = f"UPDATE lease SET {', '.join(f'{name} = ?' for name in OUTCOME)} WHERE lease = ?"  # noqa: S608
OLDER_LEASES = (f"SELECT {', '.join(GIVEN + OUTCOME)} FROM lease"  # noqa: S608 - constants only
                " WHERE lease IN (SELECT value FROM json_each(?))")
_STANDING = "node, score, lies, quarantined_until, boot, conn, once, pending_kop, used"
STANDING_OF = f"SELECT {_STANDING} FROM standing WHERE node = ?"  # noqa: S608 - constants only
KEEP_STANDING = f"INSERT OR REPLACE INTO standing({_STANDING}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
EARNED = "SELECT node, sum(price_kop) FROM lease WHERE epoch = ? AND verdict = 'ok' GROUP BY node"
SHARE_OF = "SELECT task, node, leases, done FROM share WHERE task = ? AND node = ?"
KEEP_SHARE = ("INSERT INTO share(task, node, leases, done) VALUES(?, ?, ?, ?)"
              " ON CONFLICT DO UPDATE SET leases = excluded.leases, done = excluded.done")
OPEN_TASKS = "SELECT task FROM task WHERE state = ''"
APPEND = "INSERT INTO tail VALUES(?, ?, ?)"
CUT_TAIL = "DELETE FROM tail WHERE number <= ?"

_ANSWERED = """EXISTS(SELECT 1 FROM answer AS a
    WHERE a.task = lease.task AND a.round = lease.round AND a.job_index = lease.job_index)"""

_OPEN = "task IN (SELECT task FROM task WHERE state = '')"
LEASE = "lease, task, round, job_index, fence, node, owner, nonce, price_kop, ended, verdict, boot, seq, answer,"\
        " report_by, epoch"

LOAD_TASKS = f"""
SELECT task, kind, body, priority, deadline_ms, submitted_at_ms, started_ms, state, result, run, submitted_by,
    (SELECT count(*) FROM round WHERE round.task = task.task),
    (SELECT coalesce(sum(audited), 0) FROM round WHERE round.task = task.task), totals,
    coalesce((SELECT jobs FROM round WHERE round.task = task.task ORDER BY round DESC LIMIT 1), 0),
    (SELECT coalesce(sum(jobs), 0) FROM round WHERE round.task = task.task),
    (SELECT coalesce(sum({JOBS.format('job_index')}), 0)
        FROM answer JOIN round USING(task, round) WHERE answer.task = task.task
        AND answer.round = (SELECT max(round) FROM round WHERE round.task = task.task)),
    coalesce((SELECT expected FROM round WHERE round.task = task.task ORDER BY round DESC LIMIT 1), 0),
    setback, life, place,
    (SELECT coalesce(sum(here_jobs), 0) FROM round WHERE round.task = task.task),
    (SELECT coalesce(sum(here_jobs), 0) FROM round WHERE round.task = task.task AND here = '')
FROM task ORDER BY number"""  # noqa: S608 - constants only

# Leases that wait for a result or a verdict are of the newest round of their task; ?1 is the first number to look
# at, ?2 the newest sealed epoch, ?3 the first of the newest leases.
LOAD_LEASES = f"""
SELECT {LEASE} FROM lease WHERE lease >= ?1 AND (
    (lease >= ?3 AND (epoch > ?2 OR ({_OPEN} AND (epoch < 0 OR NOT {_ANSWERED})))) OR (
    lease >= (SELECT min(newest) FROM (SELECT max(first_lease) AS newest FROM round GROUP BY task))
    AND verdict = '' AND ended IN ('', 'done') AND {_OPEN}))
ORDER BY lease"""  # noqa: S608 - constants only
FIRST_OPEN = """
SELECT coalesce(min(newest), 1 << 62) FROM (SELECT max(first_lease) AS newest FROM round GROUP BY task)"""

LOAD_STANDING = f"SELECT {_STANDING} FROM standing ORDER BY node"  # noqa: S608 - constants only
LOAD_SHARES = "SELECT task, node, leases, done FROM share ORDER BY task, node"

JUDGED = """
SELECT proof, price_kop, verdict FROM lease WHERE lease BETWEEN ?1 << 8 AND (?1 << 8) + 255
    AND epoch = ?2 AND proof <> x'' ORDER BY lease"""

WORK = f"""
SELECT task, round, job_index FROM lease JOIN answer USING(task, round, job_index)
WHERE lease > ?1 AND lease <= ?1 + ?4
    AND node = ?2 AND verdict = 'ok' AND epoch > ?3 AND audited = 0 AND {_OPEN}"""  # noqa: S608 - constants only

# Rows of a sealed epoch stay while their job is unanswered: its next lease needs a higher fence than theirs.
FORGET = f"""
DELETE FROM lease WHERE lease IN (
    SELECT lease FROM lease WHERE epoch <= ?1 AND NOT (
        task IN (SELECT task FROM task WHERE state = '' OR end_epoch > ?1) AND (epoch < 0 OR NOT {_ANSWERED}))
    LIMIT ?2)"""  # noqa: S608 - constants only

UNCOUNTED = -1
"""Starts of a journal that has not counted them."""

# From journals of version 3.
RENAME = """
DROP TRIGGER task_over;
DROP VIEW setback;
ALTER TABLE life RENAME TO old_life;
ALTER TABLE task RENAME TO old_task;
ALTER TABLE round RENAME TO old_round;
ALTER TABLE lease RENAME TO old_lease;
ALTER TABLE answer RENAME TO old_answer;
ALTER TABLE standing RENAME TO old_standing;
"""

_TASK_3 = ("task, number, kind, priority, deadline_ms, submitted_at_ms, started_ms, state, run, finished, end_epoch,"
           " body, result")
_LEASE_3 = ("lease, task, round, job_index, fence, node, owner, nonce, price_kop, ended, verdict, epoch, boot, seq,"
            " proof, answer")

FROM_3 = f"""
INSERT INTO life(epoch, sealed, last_lease, clock_ms, ahead_ms, machine, commits, hash, root, sum, starts)
    SELECT epoch, sealed, last_lease, clock_ms, ahead_ms, machine, 0, zeroblob(16), 0, 0, {UNCOUNTED} FROM old_life;
INSERT INTO task({_TASK_3}) SELECT {_TASK_3} FROM old_task;
INSERT INTO round(task, round, run, first_lease, jobs, expected)
    SELECT task, round, run, first_lease, 0, 0 FROM old_round;
INSERT INTO lease({_LEASE_3}, report_by) SELECT {_LEASE_3}, 0 FROM old_lease;
INSERT INTO answer(task, round, job_index, answer, audited)
    SELECT task, round, job_index, answer, audited FROM old_answer;
INSERT INTO share(task, node, leases, done)
    SELECT task, node, count(*), sum(ended = 'done') FROM old_lease WHERE {_OPEN} GROUP BY task, node;
INSERT INTO standing({_STANDING})
    SELECT node, sum(score), sum(lies), sum(quarantined_until), 0, 0, -1, sum(pending), ranges(boot, seq) FROM (
        SELECT node, score, lies, quarantined_until, 0 AS boot, 0 AS pending, 0 AS seq FROM old_standing
        UNION ALL SELECT node, 0, 0, 0, boot,
            price_kop * (verdict = 'ok' AND epoch > (SELECT sealed FROM old_life)), seq FROM old_lease)
    GROUP BY node;
DROP TABLE old_life;
DROP TABLE old_task;
DROP TABLE old_round;
DROP TABLE old_lease;
DROP TABLE old_answer;
DROP TABLE old_standing;
"""  # noqa: S608 - constants only
