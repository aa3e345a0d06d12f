// Run as a process of its own: saves `count` posts into `file` under `runId`, as a pool's process would.
import { openSqliteRepository } from "../../src/storage/sqlite/sqlite-repository.js";

const [file = "", runId = "", count = "0"] = process.argv.slice(2);
const repository = await openSqliteRepository(file);
for (let n = 0; n < Number(count); n += 1) {
  await repository.savePost(1, runId, {
    url: `https://a.example/${n}`,
    title: `${n} by ${runId}`,
    author: null,
    date: null,
    time: null,
    text: "",
  });
  await repository.addLog(runId, "info", `saved ${n}`);
}
await repository.close();
