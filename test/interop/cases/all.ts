import { usePair } from "../support/pair.js";
import { describeWithPython, type Transport } from "../support/stage.js";
import { describeCalls } from "./calls.js";
import { describeEvents } from "./events.js";
import { describeFleet } from "./fleet.js";
import { describeInspection } from "./inspection.js";
import { describeLosses } from "./losses.js";
import { describeOrders } from "./orders.js";
import { describeRefusals } from "./refusals.js";

/** Every case, over one transport, with real processes of both languages. */
export function describeInterop(transport: Transport): void {
  describeWithPython("Lovage and Python's Celery", transport, () => {
    const pair = usePair(transport);
    describeCalls("python", "lovage", pair);
    describeCalls("lovage", "python", pair);
    describeFleet(pair);
    describeRefusals(pair);
    describeInspection("python", "lovage", pair);
    describeInspection("lovage", "python", pair);
    describeOrders("python", "lovage", pair);
    describeOrders("lovage", "python", pair);
    describeEvents(pair);
    describeLosses(transport);
  });
}
