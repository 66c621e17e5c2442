// SPDX-License-Identifier: Apache-2.0

/**
 * Asks the source for its next item while the consumer works on the one before: one page ahead, never more,
 * so that memory holds a few pages. When the consumer leaves early the source is closed after its pending item. When the signal
 * fires, its reason is thrown at once, whether the source obeys it or not.
 */
export async function* prefetch<Item>(
  source: AsyncGenerator<Item, void, void>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, void> {
  let pending = source.next();
  try {
    for (;;) {
      const { done, value } = await unlessStopped(pending, signal);
      if (done === true) return;
      pending = source.next();
      // The consumer may stop before it awaits this; the rejection is then part of what it stopped for.
      pending.catch(() => undefined);
      yield value;
    }
  } finally {
    const closed = source.return();
    // A source that does not obey the signal must not hold the run.
    if (signal.aborted) closed.catch(() => undefined);
    else await closed;
  }
}

/** Not Promise.race with one promise for the stop: that would hold on to every page until the end. */
function unlessStopped<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
