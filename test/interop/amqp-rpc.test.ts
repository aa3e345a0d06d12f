import { describeInterop } from "./cases/all.js";
import { TRANSPORTS } from "./support/stage.js";

describeInterop(TRANSPORTS.amqpWithRpc);
