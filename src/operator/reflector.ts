// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, isExpired } from './api-error.ts';
import { jitteredBackoffMs } from './backoff.ts';
import { keyOf } from './keys.ts';
import type { KubeClient, Resource } from './kube-client.ts';
import { readWatchEvents, UnreadableEvent, type Reflected, type WatchEvent } from './watch-events.ts';

export interface ReflectorOptions<Kind extends Reflected> {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** All namespaces when absent. */
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** What of an object is kept and told, to save memory; managedFields never are. It must keep the metadata. */
  readonly project?: (object: Kind) => Kind;
  /** Handlers are called in order and must be quick; one that throws is reported and stops nothing. */
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
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly Kind[];
}

const pageSize = 500;
const firstBackoffMs = 200;
const longestBackoffMs = 30_000;
/** A longer wish of the server, or of a proxy before it, is not followed. */
const longestRetryAfterMs = 120_000;
/** A watch that ends sooner and without a word counts as a failure, else it would be asked for without a pause. */
const shortestWatchMs = 1_000;

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
  private state: State = { phase: 'listing' };
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

  /**
   * Time since the last sign of life, in ms: an answer, an event, or an attempt that failed. It grows when the reflector itself
   * hangs, not while the API server is away.
   */
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
    while (!signal.aborted) {
      try {
        if (this.state.phase === 'listing') await this.relist();
        else await this.watch(this.state.version);
      } catch (error) {
        if (signal.aborted) return;
        this.heard();
        this.options.onError(error);
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
    await delay(Math.max(ownMs, Math.min(askedMs, longestRetryAfterMs)), undefined, {
      signal: this.stopping.signal,
    }).catch((reason: unknown) => {
      if (!this.stopping.signal.aborted) throw reason;
    });
  }

  /** Reads everything and tells what was added, changed and removed since. */
  private async relist(): Promise<void> {
    const seen = new Set<string>();
    let token: string | undefined;
    let version = '';
    do {
      const page: ListAnswer<Kind> = await this.options.client.send({
        ...this.request('list'),
        query: { ...this.selector(), limit: String(pageSize), ...this.listFrom(token) },
        retries: 0,
        signal: this.stopping.signal,
      });
      this.heard();
      // Built-in kinds name themselves only in the list as a whole.
      const { apiVersion, kind } = page;
      const head = { ...(apiVersion && { apiVersion }), ...(kind && { kind: kind.replace(/List$/u, '') }) };
      for (const item of page.items)
        seen.add(this.put(item.kind === undefined ? { ...head, ...item } : item));
      version = page.metadata.resourceVersion;
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    for (const key of this.objects.keys()) if (!seen.has(key)) this.remove(key);
    this.listed = true;
    this.state = { phase: 'watching', version };
    this.firstList.resolve();
  }

  /**
   * A page of a list that goes on is read from the same snapshot. The first list may come from the API server's cache, which is
   * cheap; a later one may not, since that cache may be older than what was seen already.
   */
  private listFrom(token: string | undefined): Record<string, string> {
    if (token !== undefined) return { continue: token };
    return this.listed ? {} : { resourceVersion: '0' };
  }

  /** Watches until the server ends the watch; fails when the connection breaks. What was seen until then stands. */
  private async watch(from: string): Promise<void> {
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
    const startedMs = this.activeMs;
    let events = 0;
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
      this.heard();
      for await (const event of readWatchEvents<Kind>(body)) {
        this.heard();
        events += 1;
        this.failures = 0;
        this.state = { phase: 'watching', version: this.apply(event) };
      }
    } catch (error) {
      if (needsList(error)) this.state = { phase: 'listing' };
      throw error;
    } finally {
      clearInterval(timer);
    }
    if (events === 0 && this.options.monotonicMs() - startedMs < shortestWatchMs) {
      throw new Error('the API server ended the watch at once');
    }
    this.failures = 0;
  }

  private apply(event: WatchEvent<Kind>): string {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.put(event.object);
        break;
      case 'DELETED':
        this.removeLast(event.object);
        break;
      case 'BOOKMARK':
        break;
    }
    return event.object.metadata.resourceVersion;
  }

  /** Stores an object; one with another uid under a known name is another object. Answers its key. */
  private put(whole: Kind): string {
    const object = this.slim(whole);
    const key = keyOf(object);
    const before = this.objects.get(key);
    const same = before?.metadata.uid === object.metadata.uid;
    if (!same) this.remove(key);
    this.objects.set(key, object);
    if (before === undefined || !same) this.tell(() => this.options.onAdd(object));
    else if (before.metadata.resourceVersion !== object.metadata.resourceVersion) {
      this.tell(() => this.options.onUpdate(object, before));
    }
    return key;
  }

  /** An event of an object that was already replaced by another of its name says nothing. */
  private removeLast(whole: Kind): void {
    const last = this.slim(whole);
    const key = keyOf(last);
    if (this.objects.get(key)?.metadata.uid === last.metadata.uid) this.remove(key, last);
  }

  private slim(object: Kind): Kind {
    const { project = (whole: Kind) => whole } = this.options;
    if (!('managedFields' in object.metadata)) return project(object);
    const { managedFields: _, ...metadata } = object.metadata;
    return project({ ...object, metadata });
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
    const { fieldSelector, labelSelector } = this.options;
    return {
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
  }
}

/**
 * Whether only a new list helps. Overload, outage and a broken connection pass by; a refused request, a watch whose version is gone, and one in
 * which the server reports an error of its own or sends what cannot be read would fail the same way for ever.
 */
function needsList(error: unknown): boolean {
  if (error instanceof UnreadableEvent || isExpired(error)) return true;
  if (!(error instanceof ApiError)) return false;
  return error.inStream || (error.code >= 400 && error.code < 500 && error.code !== 429);
}
