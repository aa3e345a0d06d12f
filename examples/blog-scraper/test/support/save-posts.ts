// Run as a process of its own: saves `count` posts into the store at `address` under `runId`, as a pool's process would.
import { openRepository } from "../../src/storage/open-repository.js";

const [address = "", runId = "", count = "0"] = process.argv.slice(2);
const repository = await openRepository(address);
for (let n = 0; n < Number(count); n += 1) {
  await repository.savePost("https://a.example/", runId, {
    url: `https://a.example/${n}`,
    title: `${n} by ${runId}`,
    author: null,
    date: null,
    time: null,
    text: "",
  });
}
await repository.close();
