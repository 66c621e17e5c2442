// SPDX-License-Identifier: Apache-2.0

/**
 * Asks the source for its next item while the consumer works on the one before: one page ahead, never more,
 * so that memory holds a few pages. When the consumer leaves early the source is closed after its pending item.
 */
export async function* prefetch<Item>(
  source: AsyncGenerator<Item, void, void>,
): AsyncGenerator<Item, void, void> {
  let pending = source.next();
  try {
    for (;;) {
      const { done, value } = await pending;
      if (done === true) return;
      pending = source.next();
      // The consumer may stop before it awaits this; the rejection is then part of what it stopped for.
      pending.catch(() => undefined);
      yield value;
    }
  } finally {
    await source.return();
  }
}
