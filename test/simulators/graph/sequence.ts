// SPDX-License-Identifier: Apache-2.0

export interface Identified {
  readonly id: string;
}

/** Items in the order in which they came. A position stays what it is when others go, so that a page token can hold one. */
export class Sequence<Item extends Identified> implements Iterable<Item> {
  private readonly slots: (Item | undefined)[] = [];
  private readonly positions = new Map<string, number>();

  constructor(items: Iterable<Item> = []) {
    for (const item of items) this.put(item);
  }

  get size(): number {
    return this.positions.size;
  }

  /** The first position behind all items. */
  get end(): number {
    return this.slots.length;
  }

  has(id: string): boolean {
    return this.positions.has(id);
  }

  get(id: string): Item | undefined {
    const position = this.positions.get(id);
    return position === undefined ? undefined : this.slots[position];
  }

  /** Adds an item, or puts it in the place of the one that has its id. */
  put(item: Item): void {
    const position = this.positions.get(item.id) ?? this.slots.length;
    this.slots[position] = item;
    this.positions.set(item.id, position);
  }

  remove(id: string): Item | undefined {
    const position = this.positions.get(id);
    if (position === undefined) return undefined;
    const item = this.slots[position];
    this.slots[position] = undefined;
    this.positions.delete(id);
    return item;
  }

  at(position: number): Item | undefined {
    return this.slots[position];
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (const item of this.slots) if (item !== undefined) yield item;
  }
}
