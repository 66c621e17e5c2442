// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { ObjectMeta } from '../api/resource.ts';
import { ApiError, isExpired } from './api-error.ts';
import { jitteredBackoffMs } from './backoff.ts';
import type { KubeClient, Resource } from './kube-client.ts';
import { readWatchEvents, type WatchEvent } from './watch-events.ts';

export interface Reflected {
  readonly metadata: ObjectMeta;
}

export interface ReflectorOptions<Kind extends Reflected> {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** All namespaces when absent. */
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string;
  readonly onAdd: (object: Kind) => void;
  readonly onUpdate: (object: Kind, before: Kind) => void;
  /**
   * Also called for an object that no longer matches the selector; it carries the state before. Only a get tells the two
   * apart.
   */
  readonly onDelete: (object: Kind) => void;
  /** Told of every break, with the failure that caused it. */
  readonly onError: (error: unknown) => void;
  readonly monotonicMs: () => number;
  readonly random: () => number;
  /** Silence after which the connection counts as dead; bookmarks come about once a minute. */
  readonly silenceMs?: number;
}

interface ListAnswer<Kind> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly Kind[];
}

const pageSize = 500;
const firstBackoffMs = 200;
const longestBackoffMs = 30_000;

/** Where the reflector stands: without a version it must list, with one it can watch. */
type State = { readonly phase: 'listing' } | { readonly phase: 'watching'; readonly version: string };

/**
 * Keeps a copy of the objects of one resource: list in pages, then watch with bookmarks from the version of the list; after a
 * break watch again from the newest version, after 410 list again. It survives resets, 429 and 5xx for as long as it runs.
 */
export class Reflector<Kind extends Reflected> {
  private readonly options: ReflectorOptions<Kind>;
  private readonly objects = new Map<string, Kind>();
  private readonly stopping = new AbortController();
  private readonly firstList = Promise.withResolvers<void>();
  private loop: Promise<void> | undefined;
  private activeMs: number;
  private failures = 0;
  private listed = false;

  constructor(options: ReflectorOptions<Kind>) {
    this.options = options;
    this.activeMs = options.monotonicMs();
    // Nobody may be waiting for it when the reflector is stopped before its first list.
    this.firstList.promise.catch(() => undefined);
  }

  /** Resolves after the first complete list; rejects when stopped before. */
  get synced(): Promise<void> {
    return this.firstList.promise;
  }

  get isSynced(): boolean {
    return this.listed;
  }

  /** Time since the API server was last heard of, in ms. */
  get silentForMs(): number {
    return this.options.monotonicMs() - this.activeMs;
  }

  /** By `namespace/name`. */
  get(key: string): Kind | undefined {
    return this.objects.get(key);
  }

  list(): Kind[] {
    return [...this.objects.values()];
  }

  start(): void {
    this.loop ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('stopped'));
    this.firstList.reject(new Error('the reflector was stopped'));
    await this.loop;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let state: State = { phase: 'listing' };
    while (!signal.aborted) {
      try {
        state = state.phase === 'listing' ? await this.relist() : await this.watch(state.version);
        this.failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.options.onError(error);
        if (isExpired(error)) state = { phase: 'listing' };
        await this.backOff(error);
      }
    }
  }

  private async backOff(error: unknown): Promise<void> {
    this.failures += 1;
    const { random } = this.options;
    const ownMs = jitteredBackoffMs(this.failures, {
      firstMs: firstBackoffMs,
      longestMs: longestBackoffMs,
      random,
    });
    const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    await delay(Math.max(ownMs, askedMs), undefined, { signal: this.stopping.signal }).catch(
      (reason: unknown) => {
        if (!this.stopping.signal.aborted) throw reason;
      },
    );
  }

  /** Reads everything and tells what was added, changed and removed since. */
  private async relist(): Promise<State> {
    const seen = new Set<string>();
    let token: string | undefined;
    let version = '';
    do {
      const page: ListAnswer<Kind> = await this.options.client.send({
        ...this.request('list'),
        // A page of a list that goes on is read from the same snapshot; only its first page may come from the cache.
        query: {
          ...this.selector(),
          limit: String(pageSize),
          ...(token === undefined ? { resourceVersion: '0' } : { continue: token }),
        },
        signal: this.stopping.signal,
      });
      this.heard();
      for (const item of page.items) seen.add(this.put(item));
      version = page.metadata.resourceVersion;
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    for (const key of this.objects.keys()) if (!seen.has(key)) this.remove(key);
    this.listed = true;
    this.firstList.resolve();
    return { phase: 'watching', version };
  }

  /** Watches until the server ends the watch or the connection breaks. Answers where to go on. */
  private async watch(from: string): Promise<State> {
    let version = from;
    const silence = new AbortController();
    const silenceMs = this.options.silenceMs ?? 150_000;
    const timer = setInterval(
      () => {
        if (this.silentForMs > silenceMs)
          silence.abort(new Error(`no word from the API server for ${silenceMs / 1000} s`));
      },
      Math.min(5_000, silenceMs / 4),
    );
    this.heard();
    try {
      const body = await this.options.client.watch({
        ...this.request('watch'),
        query: {
          ...this.selector(),
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: from,
          timeoutSeconds: String(Math.round(240 + 60 * this.options.random())),
        },
        signal: AbortSignal.any([this.stopping.signal, silence.signal]),
      });
      for await (const event of readWatchEvents<Kind>(body)) {
        this.heard();
        version = this.apply(event);
        this.failures = 0;
      }
    } catch (error) {
      // A break is not the end: what was seen so far stands, and the watch goes on from there.
      if (this.stopping.signal.aborted || isExpired(error) || version === from) throw error;
      this.options.onError(error);
    } finally {
      clearInterval(timer);
    }
    return { phase: 'watching', version };
  }

  private apply(event: WatchEvent<Kind>): string {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.put(event.object);
        break;
      case 'DELETED':
        this.remove(keyOf(event.object), event.object);
        break;
      case 'BOOKMARK':
        break;
    }
    return event.object.metadata.resourceVersion;
  }

  /** Stores an object; one with another uid under a known name is another object. */
  private put(object: Kind): string {
    const key = keyOf(object);
    const before = this.objects.get(key);
    if (before !== undefined && before.metadata.uid !== object.metadata.uid) this.remove(key);
    this.objects.set(key, object);
    if (before === undefined || before.metadata.uid !== object.metadata.uid)
      this.tell(() => this.options.onAdd(object));
    else if (before.metadata.resourceVersion !== object.metadata.resourceVersion) {
      this.tell(() => this.options.onUpdate(object, before));
    }
    return key;
  }

  private remove(key: string, last?: Kind): void {
    const before = this.objects.get(key);
    if (before === undefined) return;
    this.objects.delete(key);
    this.tell(() => this.options.onDelete(last ?? before));
  }

  /** A handler that throws is a bug of ours, but no reason to stop watching. */
  private tell(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.options.onError(error);
    }
  }

  private heard(): void {
    this.activeMs = this.options.monotonicMs();
  }

  private request(verb: 'list' | 'watch') {
    return { verb, resource: this.options.resource, namespace: this.options.namespace } as const;
  }

  private selector(): Record<string, string> {
    return this.options.fieldSelector === undefined ? {} : { fieldSelector: this.options.fieldSelector };
  }
}

export function keyOf(object: Reflected): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}
