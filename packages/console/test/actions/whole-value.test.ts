import { describe, expect, test } from "vitest";
import { StreamReply, type User } from "../../src/server/route.js";
import { allRoutes } from "../../src/server/routes/all.js";
import { ActionBench } from "../support/action-bench.js";
import { startHttp } from "../support/console-http.js";

const PATH = "/tasks/{id}/values/{value}";
const SECRET = "hunter2-and-more";
const long = (size: number): string => "x".repeat(size);
const VIEWER: User = { name: "vic", role: "viewer", seesPayloads: false, via: "page", address: "::1" };

async function download(bench: ActionBench, id: string, value: string, user?: User): Promise<StreamReply> {
  const reply = await bench.call<unknown>("get", PATH, { params: { id, value }, ...(user && { user }) });
  if (!(reply instanceof StreamReply)) throw new Error("no file");
  return reply;
}

async function textOf({ chunks }: StreamReply): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += chunk;
  return text;
}

/** A task that waits, once the console has heard of it. */
async function waiting(
  bench: ActionBench,
  name: string,
  args: readonly unknown[],
  kwargs: object = {},
): Promise<string> {
  const { id } = await bench.app.sendTask(name, args, { kwargs: { ...kwargs } });
  await bench.reached(id, "PENDING");
  return id;
}

describe("the whole of a value", () => {
  test("is had from the message while that waits, however long, with nothing but secrets taken out", async () => {
    const bench = await ActionBench.open();
    const args = [long(150_000), Array.from({ length: 8_000 }, (_, at) => at), 2n ** 70n];
    const id = await waiting(bench, "bench.later", args, { password: SECRET, note: `token=${SECRET} ${long(70_000)}` });

    const detail = await bench.call<{ argsValue: { cut: boolean; sizeBytes: number } }>("get", "/tasks/{id}", {
      params: { id },
    });
    const file = await download(bench, id, "args");
    expect(file).toMatchObject({ contentType: "application/json", fileName: `${id}-args.json` });
    const text = await textOf(file);
    expect(text).toBe(`${JSON.stringify(args.slice(0, 2)).slice(0, -1)},${2n ** 70n}]`);
    expect(detail.argsValue).toMatchObject({ cut: true, sizeBytes: text.length });

    const kwargs = await textOf(await download(bench, id, "kwargs"));
    expect(kwargs).not.toContain(SECRET);
    expect(kwargs).toContain(long(70_000));
    expect(kwargs).toContain('"password":"********"');
  });

  test("is had from the result backend once it has run", async () => {
    const bench = await ActionBench.open({ resultExtended: true });
    bench.app.task("bench.big", (size: number, _more: string) => ({ text: long(size), api_key: SECRET }));
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.big", [100_000, long(90_000)]);
    await bench.reached(id, "SUCCESS");
    expect(await textOf(await download(bench, id, "result"))).toBe(
      JSON.stringify({ text: long(100_000), api_key: "********" }),
    );
    expect(await textOf(await download(bench, id, "args"))).toBe(JSON.stringify([100_000, long(90_000)]));
    expect(await textOf(await download(bench, id, "kwargs"))).toBe("{}");
  });

  test("comes as a file that no browser takes for a page", async () => {
    const bench = await ActionBench.open();
    const id = await waiting(bench, "bench.later", [`<script>alert(1)</script>${long(70_000)}`]);
    const { ask } = await startHttp({ routes: allRoutes, parts: bench.parts });
    const { status, headers, text } = await ask(`/api/v1/tasks/${id}/values/args`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "content-disposition": `attachment; filename="${id}-args.json"`,
      "x-content-type-options": "nosniff",
    });
    expect(text).toContain(long(70_000));
    const refused = await ask(`/api/v1/tasks/${id}/values/password`);
    expect([refused.status, refused.headers["content-type"]]).toEqual([400, "application/problem+json"]);
  });

  test("is refused with the reason where nobody has it, where it is too large, and to who may not see it", async () => {
    const bench = await ActionBench.open({ resultBackend: null });
    bench.app.task("bench.big", (size: number) => long(size));
    await bench.worker();
    const { id } = await bench.app.sendTask("bench.big", [100_000]);
    await bench.reached(id, "SUCCESS");
    await expect(download(bench, id, "result")).rejects.toMatchObject({
      status: 404,
      code: "value_not_kept",
      message: expect.stringContaining("only its beginning was told"),
    });
    await expect(download(bench, "no-such-task", "result")).rejects.toMatchObject({ status: 404, code: "no_record" });
    await expect(download(bench, id, "args", VIEWER)).rejects.toMatchObject({ status: 403, code: "forbidden" });
    await bench.stopWorkers();
    const large = await waiting(bench, "bench.later", [long(3_000_000)]);
    await expect(download(bench, large, "args")).rejects.toMatchObject({ status: 413, code: "value_too_large" });
    const deep: unknown = JSON.parse(`${"[".repeat(90)}"${SECRET}"${"]".repeat(90)}`);
    const nested = await waiting(bench, "bench.later", [deep, long(20_000)]);
    await expect(download(bench, nested, "args")).rejects.toMatchObject({ code: "value_too_large" });
  });

  test("leaks nothing that the program's own redaction hides", async () => {
    const bench = await ActionBench.open({
      resultExtended: true,
      redact: (task) => {
        if (task.name === "bench.broken") throw new Error("a bug");
        return task.name === "bench.pay" ? { ...task, args: ["gone"], kwargs: {}, result: "paid" } : task;
      },
    });
    bench.app.task("bench.pay", (card: string) => `${card} paid`);
    const card = `${SECRET} ${long(70_000)}`;
    const held = await waiting(bench, "bench.pay", [card]);
    expect(await textOf(await download(bench, held, "args"))).toBe('["gone"]');
    const broken = await waiting(bench, "bench.broken", [card]);
    await expect(download(bench, broken, "args")).rejects.toMatchObject({
      code: "value_not_kept",
      message: "the program's own redact() hides it",
    });
    await bench.worker();
    await bench.reached(held, "SUCCESS");
    for (const value of ["args", "kwargs", "result"]) {
      expect(await textOf(await download(bench, held, value))).not.toContain(SECRET);
    }
  });
});
