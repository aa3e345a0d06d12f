import { describe, expect, test } from "vitest";
import { nameInPath } from "../../src/api/path-names.js";
import { ODD_NAMES } from "../support/odd-names.js";
import { startConsole } from "../support/running-console.js";

/** As a broker's driver takes them: a name of its own length is its own matter. */
const CREATABLE = ODD_NAMES.filter((name) => name.length <= 255);

describe("names of strangers in paths of the API", () => {
  test("lead to that queue and to no other, whatever they are", async () => {
    const console = await startConsole();
    for (const name of CREATABLE) {
      expect((await console.ask("/api/v1/queues", { method: "POST", body: { name } })).status, name).toBe(201);
    }
    for (const name of CREATABLE) {
      const path = `/api/v1/queues/${nameInPath(name)}`;
      expect(await console.ask(path), name).toMatchObject({ status: 200, json: { name } });
      expect(await console.ask(`${path}/messages`), name).toMatchObject({ status: 200, json: { items: [] } });
    }
    const gone = `/api/v1/queues/${nameInPath("..")}?confirm=${encodeURIComponent("..")}`;
    expect((await console.ask(gone, { method: "DELETE" })).status).toBe(200);
    expect((await console.ask(`/api/v1/queues/${nameInPath("..")}`)).status).toBe(404);
    expect((await console.ask(`/api/v1/queues/${nameInPath(".")}`)).status).toBe(200);
  });

  test("lead to that task", async () => {
    const console = await startConsole();
    const ids = ODD_NAMES.filter((id) => id.length <= 200);
    for (const id of ids) {
      const sent = await console.ask("/api/v1/tasks", {
        method: "POST",
        body: { name: "not.ours", id, args: [], kwargs: {}, queue: "odd" },
      });
      expect(sent, id).toMatchObject({ status: 201, json: { id } });
    }
    for (const id of ids) {
      const path = `/api/v1/tasks/${nameInPath(id)}`;
      await expect.poll(() => console.ask(path), { timeout: 30_000 }).toMatchObject({ status: 200, json: { id } });
      expect((await console.ask(`${path}/events`)).status, id).toBe(200);
    }
  });

  test("are answered, not refused, when nothing has them", async () => {
    const console = await startConsole();
    for (const name of ODD_NAMES) {
      for (const path of ["queues", "workers", "task-types"]) {
        const reply = await console.ask(`/api/v1/${path}/${nameInPath(name)}`);
        expect(reply.status, `${path}/${name}`).toBe(404);
      }
    }
  });
});
