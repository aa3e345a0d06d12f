/** Settles as `work` does, or rejects with what `expired` makes when that has not happened within `seconds`. The work goes on. */
export async function withDeadline<T>(work: Promise<T>, seconds: number, expired: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(expired()), seconds * 1000);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
    // Nobody waits for it any more: a failure that comes after all must not end the process.
    work.catch(() => undefined);
  }
}
