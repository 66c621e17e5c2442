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
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason as Error);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  // Both may be rejected while nobody waits for them; whoever waits is told.
  stopped.promise.catch(() => undefined);
  let pending = source.next();
  pending.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await Promise.race([pending, stopped.promise]);
      if (done === true) return;
      pending = source.next();
      pending.catch(() => undefined);
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    const closed = source.return();
    // A source that does not obey the signal must not hold the run.
    if (signal.aborted) closed.catch(() => undefined);
    else await closed;
  }
}
