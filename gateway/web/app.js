// The live page: one event stream in, a few tables out. Names come from strangers, so all of them are set as
// text, never as markup. Rows are kept and only changed cells are written: a selection survives an update.
"use strict";

const $ = (id) => document.getElementById(id);
const count = (n) => Number(n).toLocaleString("en");
const percent = (permille) => `${Math.round(permille / 10)} %`;

function span(seconds) {
  if (seconds == null) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

function set(node, text, className) {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}

function make(tag, parent) {
  return parent.appendChild(document.createElement(tag));
}

function part(cell, tag) {
  return cell.querySelector(tag) || make(tag, cell);
}

// A cell's writer gets (cell, item). These make the common ones.
const text = (read, className = "") => (cell, item) => set(cell, read(item), className);
const number = (read, className = "number") => text((item) => read(item), className);

function bar(read, words) {
  return (cell, item) => {
    const [value, max] = read(item);
    const says = words(item);
    set(part(cell, "span"), says);
    const progress = part(cell, "progress");
    progress.max = Math.max(max, 1);
    progress.value = Math.min(value, progress.max);
    progress.setAttribute("aria-label", says);
  };
}

function link(cell, href, words, className = "") {
  const anchor = part(cell, "a");
  if (anchor.getAttribute("href") !== href) anchor.setAttribute("href", href);
  set(anchor, words, className);
}

function withNote(cell, title, note, className = "") {
  set(part(cell, "span"), title, className);
  set(part(cell, "small"), note);
  cell.querySelector("small").hidden = !note;
}

// Brings the rows of a table body in line with items, by key; the first column is each row's header.
function fill(body, items, key, writers) {
  const old = new Map();
  for (const row of [...body.rows]) {
    if (row.dataset.key === undefined) row.remove(); else old.set(row.dataset.key, row);
  }
  items.forEach((item, position) => {
    const name = String(key(item));
    let row = old.get(name);
    old.delete(name);
    if (!row) {
      row = document.createElement("tr");
      row.dataset.key = name;
      writers.forEach((_, column) => {
        const cell = make(column ? "td" : "th", row);
        if (!column) cell.scope = "row";
      });
    }
    if (body.rows[position] !== row) body.insertBefore(row, body.rows[position] || null);
    writers.forEach((write, column) => write(row.cells[column], item));
  });
  for (const row of old.values()) row.remove();
  if (!items.length) {
    const cell = make("td", make("tr", body));
    cell.colSpan = writers.length;
    set(cell, body.dataset.none, "none");
  }
}

const STATES = {
  done: ["✓ done", "good"], failed: ["✗ failed", "bad"], cancelled: ["– cancelled", "none"],
  running: ["▶ running", ""], preparing: ["… preparing", ""],
  ready: ["● ready", "good"], sleeping: ["○ sleeping", "none"], updating: ["↻ updating", ""],
  lost: ["✗ lost", "bad"], unseen: ["○ unseen", "none"], revoked: ["✗ revoked", "bad"],
};

function state(cell, item) {
  const [words, className] = STATES[item.state] || [item.state, ""];
  set(cell, words, `state ${className}`);
}

function nodeState(cell, node) {
  const [words, className] = STATES[node.state] || [node.state, ""];
  const shown = ["away", "revoked"].includes(node.why_not) ? null : node.why_not;   // the state says that
  withNote(cell, words, shown ? shown.replaceAll("_", " ") : "", `state ${className}`);
}

const TASK = [
  (cell, t) => withNote(cell, t.task, [t.kind, t.by && `by ${t.by}`, t.waits_for && `waits for ${t.waits_for}`,
    t.here > 0 && `${count(t.here)} by the gateway itself: ${t.here_why}`, t.setback && `begun anew: ${t.setback}`].filter(Boolean).join(" · ")),
  state,
  bar((t) => [t.progress, 1000],
    (t) => `${count(t.jobs_done)} of ${count(t.jobs_total)}`),
  number((t) => count(t.round + 1), "number wide"),
  number((t) => (isOver(t) ? "" : count(t.jobs_per_s)), "number mid"),
  number((t) => (isOver(t) ? "" : span(t.eta_s)), "number mid"),
  number((t) => count(t.copies), "number wide"),
  number((t) => count(t.recomputed), "number wide"),
  (cell, t) => {
    if (t.state === "done") link(cell, `api/tasks/${encodeURIComponent(t.task)}/result`, "open");
    else cell.replaceChildren();
  },
];

const NODE = [
  (cell, n) => set(cell, n.node, "code"),
  nodeState,
  bar((n) => [n.spare, 1000], (n) => percent(n.spare)),
  number((n) => `${n.open} of ${n.room}`, "number mid"),
  (cell, n) => {
    cell.className = "number";
    const faults = [];
    if (n.lies) faults.push(`${count(n.lies)} wrong`);
    if (n.quarantined) faults.push("quarantined");
    withNote(cell, count(n.score), faults.join(", "), n.quarantined ? "bad" : "");
  },
  (cell, n) => {
    cell.className = "number";
    withNote(cell, count(n.settled), n.pending ? `${count(n.pending)} pending` : "");
  },
  text((n) => (n.next_owner ? `${n.owner}, then ${n.next_owner}` : n.owner), "wide"),
  text((n) => n.board || "–", "wide"),
  number((n) => (n.heap ? `${count(Math.round(n.heap / 1024))} KB` : "–"), "number wide"),
  number((n) => (n.last_seen_ms_ago == null ? "never" : `${span(n.last_seen_ms_ago / 1000)} ago`), "number mid"),
];

const EPOCH = [
  number((e) => e.epoch),
  number((e) => count(e.receipts)),
  number((e) => count(e.credits)),
  (cell, e) => {
    link(cell, `public/bundle/${encodeURIComponent(e.bundle)}`, `${e.bundle.slice(0, 16)}…`, "code");
    cell.firstChild.title = e.bundle;
  },
];

const GROUPS = [
  ["refused_", "Refused by a device: "], ["misbehaved_", "Misbehaved: "], ["stale_", "Said before: "],
  ["unknown_", "Of newer firmware: "], ["verdicts_", "Judged: "],
  ["leases_", "Leases: "], ["results_", "Results: "],
  ["nodes_", "Devices: "], ["messages_muted", "Messages of muted devices"], ["requests_refused_", "Requests refused: "],
  ["requests_dropped", "Requests dropped at the start"],
];
const COUNT = [text((c) => c.words), number((c) => count(c.times))];

function counts(counters) {
  const rows = [];
  for (const [prefix, title] of GROUPS) {
    for (const name of Object.keys(counters).filter((own) => own.startsWith(prefix)).sort()) {
      rows.push({ words: title + name.slice(prefix.length).replaceAll("_", " "), times: counters[name] });
    }
  }
  if (counters.lies) rows.unshift({ words: "Wrong answers proven", times: counters.lies });
  return rows;
}

function isOver(task) {
  return task.state === "done" || task.state === "failed" || task.state === "cancelled";
}

function show(now) {
  const health = now.health;
  set($("site"), `· ${health.site}`);
  document.title = `${count(health.tasks_open)} running · Lamplighter`;
  set($("about"), `Version ${health.version}, epoch ${health.epoch}, broker ${health.broker} (${health.broker_probe})`);
  set($("tasks-open"), count(health.tasks_open));
  set($("rate"), count(now.jobs_per_s));
  set($("online"), `${count(health.nodes_online)} of ${count(health.nodes)}`);
  set($("spare"), percent(health.spare_permille));
  set($("leases"), count(health.leases_open));
  set($("settled"), count(health.settled));
  set($("pending"), count(health.pending));
  const full = Object.entries(health.bounds).filter(([, bound]) => bound.now >= bound.most);
  $("bounds").hidden = !full.length;
  set($("bounds"), `At their bound: ${full.map(([what, b]) => `${what.replaceAll("_", " ")} (${count(b.most)})`).join(", ")}.`);
  const asked = Object.entries(health.asked_too_much);
  $("asked").hidden = !asked.length;
  set($("asked"), `Asked for too much at once: ${asked.map(([user, times]) => `${user} (${count(times)} times)`).join(", ")}.`);
  fill($("tasks"), now.tasks, (t) => t.task, TASK);
  fill($("nodes"), now.nodes, (n) => n.node, NODE);
  fill($("epochs"), now.epochs, (e) => e.epoch, EPOCH);
  fill($("counts"), counts(now.counters), (c) => c.words, COUNT);
  const kept = health.retained_requests;
  $("kept").hidden = !kept.length;
  set($("kept-commands"), kept.map((request) => request.clear).join("\n"));
  $("damage").hidden = !health.log_damage.length;
  set($("damage-files"), health.log_damage.join("\n"));
  $("missing").hidden = !health.not_in_registry.length;
  set($("missing-nodes"), health.not_in_registry.join("\n"));
  const rest = health.nodes - now.nodes.length;
  $("more").hidden = rest <= 0;
  set($("more"), `${count(rest)} more devices are in the API.`);
  if (health.broker_up) linked("● live", "live"); else linked("✗ broker lost, reconnecting …", "lost");
}

function linked(words, className) {
  set($("link"), words, className);
}

const stream = new EventSource("events");
stream.onmessage = (message) => show(JSON.parse(message.data));
stream.onerror = () => linked("✗ gateway not reached, trying again …", "lost");
