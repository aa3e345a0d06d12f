import { join } from "node:path";
import { expect, test } from "vitest";
import { followRun } from "../src/follow-run.js";
import { openSqliteRepository } from "../src/storage/sqlite/sqlite-repository.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const DRAFT = { name: "n", blogUrl: "https://a.example/", since: null, until: null, skip: 0, limit: null };

test("a run is followed to its end, each log entry given once, also when there are many", async () => {
  await using folder = await temporaryFolder();
  const repository = await openSqliteRepository(join(folder.path, "blog.db"));
  const job = await repository.createJob(DRAFT);
  await repository.startRun("r", job.id);
  for (let n = 0; n < 700; n += 1) await repository.addLog("r", "info", `${n}`);
  const messages: string[] = [];
  const statuses = new Set<string>();
  for await (const { run, entries } of followRun(repository, "r", new AbortController().signal)) {
    messages.push(...entries.map(({ message }) => message));
    statuses.add(run.status);
    if (messages.length === 700) {
      await repository.addLog("r", "info", "700");
      await repository.endRun("r", "COMPLETED", null);
    }
  }
  expect(messages).toEqual(Array.from({ length: 701 }, (_, n) => `${n}`));
  expect([...statuses]).toEqual(["RUNNING", "COMPLETED"]);
  await repository.close();
});

test("following ends with a last look when it is told to", async () => {
  await using folder = await temporaryFolder();
  const repository = await openSqliteRepository(join(folder.path, "blog.db"));
  const job = await repository.createJob(DRAFT);
  await repository.startRun("r", job.id);
  const stop = new AbortController();
  let looks = 0;
  for await (const _ of followRun(repository, "r", stop.signal)) {
    looks += 1;
    stop.abort(new Error("enough"));
  }
  expect(looks).toBe(2);
  await repository.close();
});
