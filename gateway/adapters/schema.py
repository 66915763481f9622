"""The tables of the journal and what is asked of them, as SQL. ``store`` runs it."""

from __future__ import annotations

from lamplighter.gateway.core.effects import (
    KeepAnswer,
    KeepClock,
    KeepEnd,
    KeepEpoch,
    KeepLease,
    KeepReceipt,
    KeepRound,
    KeepSetback,
    KeepStanding,
    KeepTask,
    KeepTaskEnd,
    KeepVerdict,
)

APPLICATION_ID = 0x4C414D50
"""``LAMP``, in the header of the file: tells our journals from any other SQLite file."""

SCHEMA_VERSION = 4
FINISHED_KEPT = 256
"""How many finished tasks are kept, newest first, for display and for ids that come again."""

SCHEMA = f"""
CREATE TABLE life(
    epoch INTEGER NOT NULL, sealed INTEGER NOT NULL, last_lease INTEGER NOT NULL, clock_ms INTEGER NOT NULL,
    ahead_ms INTEGER NOT NULL, machine TEXT NOT NULL
) STRICT;
INSERT INTO life VALUES(0, -1, 0, 0, 0, '');

CREATE TABLE task(
    number INTEGER PRIMARY KEY, task TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, priority INTEGER NOT NULL,
    deadline_ms INTEGER NOT NULL, submitted_at_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT '', run INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0, end_epoch INTEGER NOT NULL DEFAULT -1,
    body BLOB NOT NULL, result BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE TABLE round(
    task TEXT NOT NULL, round INTEGER NOT NULL, run INTEGER NOT NULL, first_lease INTEGER NOT NULL,
    PRIMARY KEY(task, round)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease(
    lease INTEGER PRIMARY KEY, task TEXT NOT NULL, round INTEGER NOT NULL, job_index INTEGER NOT NULL,
    fence INTEGER NOT NULL, node TEXT NOT NULL, owner TEXT NOT NULL, nonce BLOB NOT NULL,
    price_kop INTEGER NOT NULL, report_by INTEGER NOT NULL, ended TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL DEFAULT '', epoch INTEGER NOT NULL DEFAULT -1,
    boot INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL DEFAULT 0,
    proof BLOB NOT NULL DEFAULT x'', answer BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE TABLE answer(
    task TEXT NOT NULL, round INTEGER NOT NULL, job_index INTEGER NOT NULL, answer BLOB NOT NULL,
    audited INTEGER NOT NULL, PRIMARY KEY(task, round, job_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE standing(
    node TEXT PRIMARY KEY, score INTEGER NOT NULL DEFAULT 0, lies INTEGER NOT NULL DEFAULT 0,
    quarantined_until INTEGER NOT NULL DEFAULT 0, boot INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER task_over AFTER UPDATE OF state ON task BEGIN
    DELETE FROM answer WHERE task = NEW.task;
    DELETE FROM round WHERE task = NEW.task;
    DELETE FROM task WHERE finished BETWEEN 1 AND NEW.finished - {FINISHED_KEPT};
END;

CREATE VIEW setback AS SELECT task, 0 AS round, run FROM task;
CREATE TRIGGER set_back INSTEAD OF INSERT ON setback BEGIN
    UPDATE task SET run = NEW.run WHERE task = NEW.task;
    DELETE FROM answer WHERE task = NEW.task AND round > NEW.round;
    DELETE FROM round WHERE task = NEW.task AND round > NEW.round;
END;

PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""  # noqa: S608 - constants only

# What each durable effect does to the journal; ?1, ?2, ... are the fields of the effect in their order.
COMMIT: dict[type, str] = {
    KeepTask: "INSERT OR REPLACE INTO task(task, kind, body, priority, deadline_ms, submitted_at_ms,"
              " started_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    KeepRound: "INSERT OR REPLACE INTO round(task, round, run, first_lease) VALUES(?1, ?2, ?3, ?4)",
    KeepSetback: "INSERT INTO setback(task, round, run) VALUES(?1, ?2, ?3)",
    KeepTaskEnd: "UPDATE task SET state = ?2, result = ?3, finished = (SELECT max(finished) + 1 FROM task),"
                 " end_epoch = (SELECT epoch FROM life) WHERE task = ?1 AND state = ''",
    KeepLease: "INSERT INTO lease(lease, task, round, job_index, fence, node, owner, nonce, price_kop,"
               " report_by) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    KeepEnd: "UPDATE lease SET ended = ?2 WHERE lease = ?1",
    KeepReceipt: "UPDATE lease SET ended = ?2, boot = ?3, seq = ?4, proof = ?5, answer = ?6 WHERE lease = ?1",
    KeepVerdict: "UPDATE lease SET verdict = ?2, epoch = ?3, answer = x'' WHERE lease = ?1 AND epoch IN (-1, ?3)",
    KeepAnswer: "INSERT OR REPLACE INTO answer(task, round, job_index, answer, audited) VALUES(?1, ?2, ?3, ?4, ?5)",
    KeepStanding: "INSERT OR REPLACE INTO standing(node, score, lies, quarantined_until, boot)"
                  " VALUES(?1, ?2, ?3, ?4, ?5)",
    KeepEpoch: "UPDATE life SET epoch = ?1",
    KeepClock: "UPDATE life SET clock_ms = ?1",
}

_ANSWERED = """EXISTS(SELECT 1 FROM answer AS a
    WHERE a.task = lease.task AND a.round = lease.round AND a.job_index = lease.job_index)"""

_OPEN = "task IN (SELECT task FROM task WHERE state = '')"
LEASE = ("lease, task, round, job_index, fence, node, owner, nonce, price_kop, ended, verdict, boot, seq, answer,"
         " report_by, epoch")
TASK = "task, kind, body, priority, deadline_ms, submitted_at_ms, started_ms, state, result, run"

# Leases that wait for a result or a verdict are of the newest round of their task; ?2 is the newest number but ?3.
LOAD_LEASES = f"""
SELECT {LEASE} FROM lease WHERE (
    lease > ?2 - ?3 AND (epoch > ?1 OR ({_OPEN} AND (epoch < 0 OR NOT {_ANSWERED})))) OR (
    lease >= (SELECT min(newest) FROM (SELECT max(first_lease) AS newest FROM round GROUP BY task))
    AND verdict = '' AND ended IN ('', 'done') AND {_OPEN})
ORDER BY lease"""  # noqa: S608 - constants only

LOAD_STANDING = "SELECT node, score, lies, quarantined_until, boot FROM standing ORDER BY node"
LOAD_PENDING = """
SELECT node, epoch, sum(price_kop) FROM lease WHERE epoch > ?1 AND verdict = 'ok' GROUP BY node, epoch"""
# The numbers of receipts that are not sealed, as stretches without a gap.
LOAD_USED = """
SELECT node, boot, min(seq), max(seq) FROM (
    SELECT node, boot, seq, seq - row_number() OVER (PARTITION BY node, boot ORDER BY seq) AS stretch
    FROM lease WHERE seq > 0 AND (epoch > ?1 OR epoch < 0))
GROUP BY node, boot, stretch"""

LOAD_SHARES = f"""
SELECT task, node, count(*), sum(ended = 'done') FROM lease WHERE {_OPEN}
GROUP BY task, node ORDER BY task, node"""  # noqa: S608 - constants only

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
