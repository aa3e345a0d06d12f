/**
 * What every contestant does on its store, each with a queue of its own that nobody else uses, empty before and gone after.
 * One that cannot do something leaves it out.
 *
 * @typedef {import("../measure.mjs").Cost} Cost
 * @typedef {object} Contestant
 * @property {string} name as the tables show it
 * @property {(count: number, inFlight: number) => Promise<Cost>} [enqueue] `count` jobs add(2, 3), `inFlight` calls waited for at a time
 * @property {(count: number, results: boolean) => Promise<Cost>} [drain] a worker in this process empties a queue of `count` such jobs; `results`: what they return is kept
 * @property {(count: number) => Promise<number[]>} [roundTrip] milliseconds from sending a job to having its result, one after the other
 */

/**
 * Calls `call` `count` times, `inFlight` at a time.
 * @param {number} count
 * @param {number} inFlight
 * @param {() => Promise<unknown>} call
 */
export async function keepInFlight(count, inFlight, call) {
  let left = count;
  const caller = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

/**
 * How long each of `count` calls takes, one after the other: milliseconds. The first tenth is warm-up.
 * @param {number} count
 * @param {() => Promise<unknown>} call
 */
export async function durations(count, call) {
  const warmUp = Math.ceil(count / 10);
  const times = [];
  for (let done = 0; done < count + warmUp; done++) {
    const started = performance.now();
    await call();
    if (done >= warmUp) times.push(performance.now() - started);
  }
  return times;
}

/** A counter whose `reached` resolves when `hit` has been called `target` times. @param {number} target */
export function countdown(target) {
  let hits = 0;
  /** @type {() => void} */
  let resolve = () => undefined;
  const reached = new Promise((/** @type {(value: void) => void} */ done) => {
    resolve = done;
  });
  return {
    hit() {
      if (++hits === target) resolve();
    },
    reached,
  };
}
