// Shows instants in the reader's own time, and keeps the page of a run up to date while it runs. The pages work without it.

const POLL_MS = 500;
const POLL_MS_AFTER_ERROR = 3000;

for (const time of document.querySelectorAll("time[datetime]")) showLocally(time);

const run = document.getElementById("run");
if (run !== null && run.dataset.over !== "true") follow(run);

/** @param {Element} time */
function showLocally(time) {
  const at = new Date(time.dateTime);
  time.title = at.toLocaleString();
  time.textContent = time.hasAttribute("data-clock")
    ? at.toLocaleTimeString(undefined, { hourCycle: "h23" })
    : at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Asks for the state of the run again and again until it is over; a server that does not answer is asked less often. */
async function follow(run) {
  let lastLogId = Number(run.dataset.lastLogId);
  for (;;) {
    const state = await fetchState(`${run.dataset.stateUrl}?after=${lastLogId}`);
    if (state !== undefined) {
      appendLog(state.log);
      lastLogId = state.log.at(-1)?.id ?? lastLogId;
      show(run, state);
      if (state.over && state.log.length === 0) return;
    }
    await new Promise((resolve) => setTimeout(resolve, state === undefined ? POLL_MS_AFTER_ERROR : POLL_MS));
  }
}

async function fetchState(url) {
  try {
    const response = await fetch(url, { headers: { accept: "application/json" } });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

function show(run, state) {
  const badge = run.querySelector(".badge");
  if (badge.dataset.status !== state.status) announce(`Run: ${state.statusText}`);
  badge.dataset.status = state.status;
  badge.textContent = state.statusText;
  showProgress(document.getElementById("run-progress"), state);
  document.getElementById("run-numbers").textContent = state.total === null ? "" : `${state.done} of ${state.total}`;
  document.getElementById("run-message").textContent = state.message;
  document.getElementById("run-duration").textContent = state.duration;
  for (const cell of run.querySelectorAll("[data-count]")) cell.textContent = state.counts[cell.dataset.count];
  const error = document.getElementById("run-error");
  error.hidden = state.error === null;
  error.textContent = state.error ?? "";
  run.dataset.over = String(state.over);
}

/** A bar without a value moves to and fro: the number of posts is not known yet. */
function showProgress(bar, { total, done, over }) {
  if (total === null && !over) {
    bar.removeAttribute("value");
    return;
  }
  bar.max = Math.max(1, total ?? 1);
  bar.value = total === 0 ? 1 : total === null ? 0 : done;
}

function announce(text) {
  document.getElementById("run-announcement").textContent = text;
}

function appendLog(entries) {
  const log = document.getElementById("run-log");
  const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  for (const entry of entries) log.append(logLine(entry));
  if (wasAtEnd) log.scrollTop = log.scrollHeight;
}

function logLine({ at, level, message }) {
  const line = document.createElement("li");
  line.dataset.level = level;
  const time = document.createElement("time");
  time.dateTime = at;
  time.setAttribute("data-clock", "");
  showLocally(time);
  const levelText = document.createElement("span");
  levelText.className = "level";
  levelText.textContent = level;
  const text = document.createElement("span");
  text.textContent = message;
  line.append(time, levelText, text);
  return line;
}
