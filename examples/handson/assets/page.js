// Brings the four steps to life: buttons, clocks, and the list of tasks as the server tells it.

const STATES = ["PENDING", "STARTED", "SUCCESS", "FAILURE", "REVOKED"];
const ENDED = new Set(["SUCCESS", "FAILURE", "REVOKED"]);
/** Milliseconds in which all that were stopped should have ended. */
const STOP_PATIENCE = 10_000;

const byId = (id) => document.getElementById(id);
/** Tasks by id, oldest first, as the server told them. */
const tasks = new Map();
/** Rows of the table by task id. */
const rows = new Map();
/** Server's clock minus this one's, in milliseconds: times of the server are shown by its own clock. */
let ahead = 0;
/** What was told to stop last: ids that have not ended yet. */
let stopping;

// ---- Asking the server

async function post(path, body = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error ?? `the server answered ${response.status}`);
  return reply;
}

function answer(id, text, problem = false) {
  byId(id).textContent = text;
  byId(id).classList.toggle("problem", problem);
}

const inSeconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const inTime = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : inSeconds(ms));

// ---- Step 1: the request that takes its time

const waitButton = byId("wait");
waitButton.addEventListener("click", async () => {
  const started = performance.now();
  const clock = byId("wait-answer");
  waitButton.disabled = true;
  clock.classList.remove("problem");
  // The moving figure is for the eye; a screen reader hears the beginning and the end.
  clock.innerHTML =
    '<span class="spinner" aria-hidden="true"></span> Waiting for the answer <b aria-hidden="true"></b>';
  const figure = clock.querySelector("b");
  const ticking = setInterval(() => {
    figure.textContent = inSeconds(performance.now() - started);
  }, 100);
  try {
    const { text } = await post("/api/report");
    answer("wait-answer", `Answered after ${inTime(performance.now() - started)}. ${text}`);
  } catch (error) {
    answer("wait-answer", `No report: ${error.message}`, true);
  } finally {
    clearInterval(ticking);
    waitButton.disabled = false;
  }
});

// ---- Step 2: the request that only sends

for (const button of document.querySelectorAll("[data-send]")) {
  button.addEventListener("click", async () => {
    const started = performance.now();
    const count = Number(button.dataset.send);
    try {
      const { ids } = await post("/api/tasks", { count, fails: "fails" in button.dataset });
      const what = ids.length === 1 ? "1 task is" : `${ids.length} tasks are`;
      answer("send-answer", `Answered after ${inTime(performance.now() - started)}. ${what} in the queue.`);
    } catch (error) {
      answer("send-answer", `Nothing was sent: ${error.message}`, true);
    }
  });
}

// ---- Step 4: stopping

const stopButton = byId("stop");
stopButton.addEventListener("click", async () => {
  const startedMs = performance.now();
  stopButton.disabled = true;
  try {
    const { ids } = await post("/api/stop-all");
    stopping = { ids: new Set(ids), count: ids.length, startedMs };
    answer("stop-answer", "Stopping…");
    showStopped();
  } catch (error) {
    answer("stop-answer", `Nothing was stopped: ${error.message}`, true);
    showCounts();
  }
});

/** Says when the last of those that were stopped has ended. */
function showStopped() {
  if (!stopping) return;
  for (const id of stopping.ids) if (ENDED.has(tasks.get(id)?.state ?? "REVOKED")) stopping.ids.delete(id);
  const took = performance.now() - stopping.startedMs;
  if (stopping.ids.size === 0) {
    const what = stopping.count === 1 ? "1 task" : `${stopping.count} tasks`;
    answer("stop-answer", `${what} stopped within ${inTime(took)}. The worker goes on: send another one.`);
    stopping = undefined;
  } else if (took > STOP_PATIENCE) {
    answer("stop-answer", `${stopping.ids.size} tasks have not ended yet. Does the worker still run?`, true);
  }
}

// ---- Step 3: the list

const table = byId("tasks");
const body = table.tBodies[0];

function showTask(task) {
  const known = tasks.get(task.id);
  tasks.set(task.id, task);
  const row = rows.get(task.id) ?? addRow(task);
  const field = (name) => row.querySelector(`[data-field="${name}"]`);
  field("city").textContent = task.city;
  field("state").textContent = task.state;
  field("state").dataset.state = task.state;
  field("text").textContent = task.text ?? "";
  row.dataset.state = task.state;
  const bar = row.querySelector("progress");
  bar.value = task.step;
  bar.textContent = `${task.step} of ${bar.max}`;
  if (known && known.state !== task.state) row.classList.add("changed");
  showTime(task);
}

function addRow(task) {
  const row = byId("task-row").content.firstElementChild.cloneNode(true);
  row.querySelector('[data-field="id"]').textContent = task.id.slice(0, 8);
  row.addEventListener("animationend", () => row.classList.remove("changed"));
  rows.set(task.id, row);
  body.prepend(row);
  return row;
}

function forget(id) {
  tasks.delete(id);
  rows.get(id)?.remove();
  rows.delete(id);
}

/** How long it has run, or waits. */
function showTime(task) {
  const now = Date.now() + ahead;
  const from = Date.parse(task.startedAt ?? task.sentAt);
  const to = task.endedAt ? Date.parse(task.endedAt) : now;
  const text = inSeconds(Math.max(0, to - from));
  const cell = rows.get(task.id)?.querySelector('[data-field="time"]');
  if (cell) cell.textContent = task.startedAt || task.endedAt ? text : `waits ${text}`;
}

function showCounts() {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const { state } of tasks.values()) counts[state]++;
  for (const state of STATES) document.querySelector(`[data-count="${state}"]`).textContent = counts[state];
  const unfinished = counts.PENDING + counts.STARTED;
  stopButton.disabled = unfinished === 0;
  stopButton.textContent = unfinished === 0 ? "Stop all" : `Stop all (${unfinished})`;
  table.hidden = tasks.size === 0;
  byId("no-tasks").hidden = tasks.size > 0;
  showStopped();
}

setInterval(() => {
  for (const task of tasks.values()) if (!ENDED.has(task.state)) showTime(task);
  showStopped();
}, 200);

// ---- The stream of changes. The browser connects again by itself, and is told the whole list anew.

const stream = new EventSource("/api/live");
stream.addEventListener("snapshot", (event) => {
  const { tasks: all, now } = JSON.parse(event.data);
  ahead = Date.parse(now) - Date.now();
  const ids = new Set(all.map(({ id }) => id));
  for (const id of [...tasks.keys()]) if (!ids.has(id)) forget(id);
  for (const task of all.reverse()) showTask(task);
  showCounts();
  showLive("yes", "Live");
});
stream.addEventListener("tasks", (event) => {
  const { changed, gone } = JSON.parse(event.data);
  for (const task of changed) showTask(task);
  for (const id of gone) forget(id);
  showCounts();
});
stream.addEventListener("error", () => showLive("no", "Reconnecting: what you see may be old"));

function showLive(is, text) {
  byId("live").dataset.live = is;
  byId("live").textContent = text;
}

for (const button of document.querySelectorAll("#wait, [data-send]")) button.disabled = false;
