import { Lovage } from "lovage";
export const app = new Lovage("tasks", { brokerUrl: process.env.BROKER, resultBackend: process.env.BROKER });
app.task("look.add", (x, y) => x + y);
app.task("look.slow", async (seconds) => { await new Promise((r) => setTimeout(r, seconds * 1000)); });
export default app;
