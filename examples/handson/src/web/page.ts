import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { REPORT_STEPS } from "../make-report.js";
import { TASK_STATES, type TaskState } from "../task-row.js";

/** Markup whose values were escaped where they were put in. */
export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

const LEAF = raw(
  `<svg class="leaf" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 22V11M12 15c-5 .5-8-2-8.5-7C8.5 7.5 11.5 10 12 15Zm0-4c-.5-4.5 2-8 8.5-8.5.5 6-3 9-8.5 8.5Z"/></svg>`,
);

const MEANINGS: Readonly<Record<TaskState, string>> = {
  PENDING: "It waits in the queue for a free process.",
  STARTED: "A process of the worker runs it.",
  SUCCESS: "It ended, and its result is kept.",
  FAILURE: "It threw an error, which is kept too.",
  REVOKED: "It was stopped, or taken back before it began.",
};

/** The page of this example. Its parts come to life by assets/page.js. */
export function handsonPage({ reportSeconds, slots }: { reportSeconds: number; slots: number }): Markup {
  return layout({
    title: "Hands on",
    main: html`
<h1>What a queue changes about slow work</h1>
<p class="lead">Somebody wants a report, and making it takes ${seconds(reportSeconds)}. Click through four steps to see what that does to a web page, and what a task queue does about it.</p>
<ol class="steps">
${stepInRequest(reportSeconds)}
${stepInQueue()}
${stepWatch(slots)}
${stepStop()}
</ol>
<noscript><p class="problem">This page needs JavaScript: it shows what happens while it happens.</p></noscript>`,
  });
}

function stepInRequest(reportSeconds: number): Markup {
  return html`<li class="card" aria-labelledby="step-1">
<h2 id="step-1">Wait for it</h2>
<p>The server makes the report first and answers afterwards. Press the button and watch the clock: for ${seconds(reportSeconds)} you can do nothing but wait. Close this page meanwhile, and the report is lost.</p>
<pre><code>app.post("/api/report", async (c) =&gt; {
  const text = await <b>makeReport</b>(order);
  return c.json({ text });
});</code></pre>
<p class="actions"><button class="button primary" type="button" id="wait" disabled>Make the report now</button></p>
<p class="answer" id="wait-answer" role="status"></p>
</li>`;
}

function stepInQueue(): Markup {
  return html`<li class="card" aria-labelledby="step-2">
<h2 id="step-2">Send it to the queue</h2>
<p>The same report. Now the server only writes down <em>that</em> it is wanted, and answers at once. A worker, often on another machine, reads it from the queue and makes it. Nobody waits, and it is safe: the order outlives this page, the server and the worker.</p>
<pre><code>app.post("/api/tasks", async (c) =&gt; {
  const { id } = await report.<b>delay</b>(order);
  return c.json({ id }, 202);
});</code></pre>
<p class="actions">
<button class="button primary" type="button" data-send="1" disabled>Send one</button>
<button class="button" type="button" data-send="5" disabled>Send five</button>
<button class="button" type="button" data-send="1" data-fails disabled>Send one that fails</button>
</p>
<p class="answer" id="send-answer" role="status"></p>
</li>`;
}

function stepWatch(slots: number): Markup {
  return html`<li class="card whole" aria-labelledby="step-3">
<div class="title-row"><h2 id="step-3">Watch the tasks</h2><p class="live" id="live" data-live="no" role="status">Connecting</p></div>
<p>Each order is now a <em>task</em>, and the worker tells what becomes of it. It has ${slots} processes, so ${slots} tasks run at a time and the others wait for their turn. Send five and see them take it.</p>
<dl class="states">
${TASK_STATES.map((state) => html`<div><dt><span class="badge" data-state="${state}">${state}</span> <b class="count" data-count="${state}">0</b></dt><dd>${MEANINGS[state]}</dd></div>`)}
</dl>
<table id="tasks" hidden>
<caption class="sr-only">Tasks, the newest first</caption>
<thead><tr><th scope="col">Report</th><th scope="col">State</th><th scope="col">Progress</th><th scope="col" class="number">Time</th><th scope="col">Result</th></tr></thead>
<tbody></tbody>
</table>
<p class="empty" id="no-tasks">No tasks yet. Send one above: it appears here as PENDING, and changes by itself.</p>
<template id="task-row"><tr>
<th scope="row"><span data-field="city"></span> <code data-field="id"></code></th>
<td data-label="State"><span class="badge" data-field="state"></span></td>
<td data-label="Progress"><progress max="${REPORT_STEPS}" value="0" aria-label="Steps done"></progress></td>
<td data-label="Time" class="number" data-field="time"></td>
<td data-label="Result" data-field="text"></td>
</tr></template>
</li>`;
}

function stepStop(): Markup {
  return html`<li class="card whole" aria-labelledby="step-4">
<h2 id="step-4">Stop them all</h2>
<p>Changed your mind? What waits is taken back. What runs is ended for good: the worker ends the process that runs it, in the middle of whatever it does, and starts a new process in its place. The worker itself goes on. Send another task afterwards and see.</p>
<pre><code>await control.<b>revoke</b>(ids, { terminate: true });</code></pre>
<p class="actions"><button class="button danger" type="button" id="stop" disabled>Stop all</button></p>
<p class="answer" id="stop-answer" role="status"></p>
</li>`;
}

function seconds(count: number): string {
  return count === 1 ? "1 second" : `${count} seconds`;
}

/** A page that says one thing. */
export function messagePage(title: string, text: string): Markup {
  return layout({
    title,
    main: html`<h1>${title}</h1><p>${text}</p><p><a class="button" href="/">Go to the four steps</a></p>`,
  });
}

function layout({ title, main }: { readonly title: string; readonly main: Markup }): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Lovage</title>
<link rel="icon" href="/assets/leaf.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script type="module" src="/assets/page.js"></script>
</head>
<body>
<a class="skip-link" href="#main">Skip to content</a>
<header class="top"><div class="wide">
<a class="brand" href="/">${LEAF}<span>Hands on</span></a>
<span class="tagline">four steps with the Lovage task queue</span>
</div></header>
<main id="main" class="wide">
${main}
</main>
</body>
</html>`;
}
