// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../src/operator/api-error.ts';
import { KubeClient } from '../../src/operator/kube-client.ts';
import { Reflector, type ReflectorOptions } from '../../src/operator/reflector.ts';
import type { Reflected } from '../../src/operator/watch-events.ts';
import { waitFor } from '../kit/wait.ts';
import { ScriptedApi, type Exchange } from './scripted-api.ts';

interface Widget extends Reflected {
  readonly spec: { readonly size: number };
}

const widgets = { group: 'example.com', version: 'v1', plural: 'widgets' };

function widget(name: string, resourceVersion: number, { uid = `uid-of-${name}`, size = 1 } = {}) {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name, namespace: 'shop', uid, resourceVersion: String(resourceVersion), generation: 1 },
    spec: { size },
  };
}

function listOf(resourceVersion: number, items: readonly unknown[], next?: string) {
  return {
    apiVersion: 'example.com/v1',
    kind: 'WidgetList',
    metadata: { resourceVersion: String(resourceVersion), ...(next === undefined ? {} : { continue: next }) },
    items,
  };
}

let api: ScriptedApi;
let client: KubeClient;
let reflector: Reflector<Widget> | undefined;
let seen: string[];
let errors: unknown[];

beforeEach(async () => {
  api = await ScriptedApi.start();
  client = new KubeClient(api.kubeConfig());
  seen = [];
  errors = [];
});

afterEach(async () => {
  await reflector?.stop();
  reflector = undefined;
  await client.close();
  await api.stop();
});

function start(options: Partial<ReflectorOptions<Widget>> = {}): Reflector<Widget> {
  reflector = new Reflector<Widget>({
    client,
    resource: widgets,
    namespace: 'shop',
    onAdd: (object) => seen.push(`add ${object.metadata.name} ${object.metadata.uid}`),
    onUpdate: (object, before) =>
      seen.push(`update ${object.metadata.name} ${before.spec.size}->${object.spec.size}`),
    onDelete: (object) => seen.push(`delete ${object.metadata.name} ${object.metadata.uid}`),
    onError: (error) => errors.push(error),
    monotonicMs: () => performance.now(),
    random: () => 0,
    ...options,
  });
  reflector.start();
  return reflector;
}

const saw = (...lines: string[]) =>
  waitFor(lines.join(), () => seen.length >= lines.length).then(() => expect(seen).toEqual(lines));

/** A reflector that has read this list and now watches. */
async function watching(
  version: number,
  items: readonly unknown[],
  options: Partial<ReflectorOptions<Widget>> = {},
) {
  const started = start(options);
  (await api.next('GET')).answer(200, listOf(version, items));
  await started.synced;
  seen.length = 0;
  const watch = await api.next('WATCH');
  expect(watch.query.get('resourceVersion')).toBe(String(version));
  watch.open();
  return watch;
}

/** Answers a list that must come next, and gives the watch after it. */
async function relist(version: number, items: readonly unknown[]): Promise<Exchange> {
  (await api.next('GET')).answer(200, listOf(version, items));
  const watch = await api.next('WATCH');
  expect(watch.query.get('resourceVersion')).toBe(String(version));
  watch.open();
  return watch;
}

describe('the first list', () => {
  test('is read in pages of one snapshot, and the watch goes on from its version with bookmarks', async () => {
    const started = start({ fieldSelector: 'status.phase!=Succeeded', labelSelector: 'tier=gold' });
    const first = await api.next('GET');
    expect(first.path).toBe('/apis/example.com/v1/namespaces/shop/widgets');
    expect(Object.fromEntries(first.query)).toEqual({
      limit: '500',
      resourceVersion: '0',
      fieldSelector: 'status.phase!=Succeeded',
      labelSelector: 'tier=gold',
    });
    first.answer(200, listOf(7, [widget('a', 1)], 'page-2'));
    const second = await api.next('GET');
    expect(second.query.get('continue')).toBe('page-2');
    expect(second.query.get('resourceVersion')).toBeNull();
    expect(started.isSynced).toBe(false);
    second.answer(200, listOf(7, [widget('b', 2)]));
    await started.synced;
    expect(started.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    const watch = await api.next('WATCH');
    expect(watch.query.get('resourceVersion')).toBe('7');
    expect(watch.query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(watch.query.get('timeoutSeconds'))).toBeGreaterThan(60);
    expect(watch.query.get('labelSelector')).toBe('tier=gold');
  });

  test.each([429, 503])('is asked for again after %i, as soon as the server wishes', async (code) => {
    const started = start();
    const refused = await api.next('GET');
    refused.answer(
      code,
      { kind: 'Status', reason: 'TooManyRequests', message: 'storage is (re)initializing' },
      { 'retry-after': '1' },
    );
    const again = await api.next('GET');
    expect(again.atMs - refused.atMs).toBeGreaterThanOrEqual(990);
    again.answer(200, listOf(3, []));
    await started.synced;
    expect(errors).toMatchObject([{ code, retryAfterMs: 1000 }]);
    await api.next('WATCH');
  });

  test('starts over when its second page has expired, and forgets nothing', async () => {
    const started = start();
    (await api.next('GET')).answer(200, listOf(7, [widget('a', 1)], 'page-2'));
    (await api.next('GET')).answer(410, { reason: 'Expired', message: 'the continue token is too old' });
    const fresh = await api.next('GET');
    expect(fresh.query.get('continue')).toBeNull();
    fresh.answer(200, listOf(9, [widget('b', 8)]));
    await started.synced;
    await saw('add a uid-of-a', 'add b uid-of-b', 'delete a uid-of-a');
    await api.next('WATCH');
  });

  test('gives its items the kind that only the list carries', async () => {
    const { apiVersion: _, kind: __, ...bare } = widget('a', 1);
    const watch = await watching(3, [bare]);
    expect(reflector?.get('shop/a')).toMatchObject({ apiVersion: 'example.com/v1', kind: 'Widget' });
    watch.end();
    await api.next('WATCH');
  });
});

describe('events', () => {
  test('keep the store, drop managedFields and tell the handlers', async () => {
    const watch = await watching(3, [widget('a', 1)]);
    const { metadata, ...rest } = widget('b', 4);
    await watch.event('ADDED', {
      ...rest,
      metadata: { ...metadata, managedFields: [{ manager: 'kubectl' }] },
    });
    await watch.event('MODIFIED', widget('b', 5, { size: 2 }));
    await watch.event('DELETED', widget('a', 6));
    await saw('add b uid-of-b', 'update b 1->2', 'delete a uid-of-a');
    expect(reflector?.list()).toEqual([widget('b', 5, { size: 2 })]);
  });

  test('may be cut anywhere, also within a character', async () => {
    const watch = await watching(3, []);
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: widget('gerät', 4) })}\n`);
    const cut = line.indexOf('ä') + 1;
    await watch.write(line.subarray(0, 10));
    await watch.write(line.subarray(10, cut));
    await watch.write(line.subarray(cut));
    await saw('add gerät uid-of-gerät');
  });

  test('of a new object under an old name are a delete and an add', async () => {
    const watch = await watching(3, [widget('a', 1)]);
    await watch.event('MODIFIED', widget('a', 9, { uid: 'another' }));
    await saw('delete a uid-of-a', 'add a another');
    await watch.event('DELETED', widget('a', 2));
    await watch.event('ADDED', widget('end', 10));
    await saw('delete a uid-of-a', 'add a another', 'add end uid-of-end');
    expect(reflector?.get('shop/a')?.metadata.uid).toBe('another');
  });

  test('that a handler fails on are reported, and the next ones still arrive', async () => {
    const watch = await watching(3, [], {
      onAdd: (object) => {
        if (object.metadata.name === 'a') throw new Error('a bug');
        seen.push(`add ${object.metadata.name}`);
      },
    });
    await watch.event('ADDED', widget('a', 4));
    await watch.event('ADDED', widget('b', 5));
    await saw('add b');
    expect(errors).toMatchObject([{ message: 'a bug' }]);
    expect(reflector?.list()).toHaveLength(2);
  });

  test('are kept only as far as the projection wants', async () => {
    await watching(3, [widget('a', 1, { size: 5 })], {
      project: (object) => ({ ...object, spec: { size: object.spec.size * 10 } }),
    });
    expect(reflector?.get('shop/a')?.spec.size).toBe(50);
  });
});

describe('a broken watch', () => {
  test('goes on from the newest version, a bookmark included, after a reset', async () => {
    const watch = await watching(3, []);
    await watch.event('ADDED', widget('a', 4));
    await watch.event('BOOKMARK', { kind: 'Widget', metadata: { resourceVersion: '40' } });
    await waitFor('the event', () => seen.length === 1);
    watch.reset();
    const again = await api.next('WATCH');
    expect(['4', '40']).toContain(again.query.get('resourceVersion'));
    again.open();
    await again.event('ADDED', widget('b', 41));
    await saw('add a uid-of-a', 'add b uid-of-b');
    expect(errors.length).toBeGreaterThan(0);
  });

  test('goes on from a bookmark when the server ends it', async () => {
    const watch = await watching(3, []);
    await watch.event('BOOKMARK', { kind: 'Widget', metadata: { resourceVersion: '40' } });
    watch.end();
    const again = await api.next('WATCH');
    expect(again.query.get('resourceVersion')).toBe('40');
  });

  test('does not take half a line for an event', async () => {
    const watch = await watching(3, []);
    await watch.event('ADDED', widget('a', 4));
    await watch.write('{"type":"ADDED","object":{"metadata":{"name":"b"');
    watch.end();
    const again = await api.next('WATCH');
    expect(again.query.get('resourceVersion')).toBe('4');
    await saw('add a uid-of-a');
    expect(errors).toMatchObject([{ message: 'the watch broke in the middle of an event' }]);
  });

  test.each([
    ['410 as the answer', (watch: Exchange) => watch.answer(410, { reason: 'Expired', message: 'too old' })],
    ['404, as of a deleted definition', (watch: Exchange) => watch.answer(404, '404 page not found')],
  ])('lists anew after %s', async (_, refuse) => {
    const watch = await watching(3, [widget('a', 1), widget('b', 2)]);
    watch.end();
    refuse(await api.next('WATCH'));
    const list = await api.next('GET');
    // Not from the cache of the API server: that may be older than what was seen already.
    expect(list.query.get('resourceVersion')).toBeNull();
    list.answer(200, listOf(9, [widget('b', 8, { size: 3 }), widget('c', 9)]));
    await saw('update b 1->3', 'add c uid-of-c', 'delete a uid-of-a');
    await api.next('WATCH');
  });

  test.each([
    ['410', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }],
    ['500', { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd event without a value' }],
  ])('lists anew after an ERROR event %s', async (code, status) => {
    const watch = await watching(3, []);
    await watch.event('ADDED', widget('a', 4));
    await watch.event('ERROR', status);
    watch.end();
    await relist(9, []);
    await saw('add a uid-of-a', 'delete a uid-of-a');
    expect(errors).toMatchObject([{ code: Number(code) }]);
    expect(errors[0]).toBeInstanceOf(ApiError);
  });

  test('lists anew after a line that is no event, and does not quote it', async () => {
    const watch = await watching(3, []);
    await watch.write('<html>secret-of-a-proxy</html>\n');
    await relist(9, [widget('a', 8)]);
    await saw('add a uid-of-a');
    expect(String(errors)).not.toContain('secret-of-a-proxy');
  });

  test('is tried again from the same version after 503, and not listed', async () => {
    const watch = await watching(3, []);
    watch.end();
    for (let count = 0; count < 3; count += 1) (await api.next('WATCH')).answer(503, 'no backend');
    const again = await api.next('WATCH');
    expect(again.query.get('resourceVersion')).toBe('3');
    again.open();
    await again.event('ADDED', widget('a', 4));
    await saw('add a uid-of-a');
  });

  test('is noticed by its silence', async () => {
    let now = 0;
    const watch = await watching(3, [], { monotonicMs: () => now, silenceMs: 40 });
    now = 39;
    await watch.event('ADDED', widget('a', 4));
    await saw('add a uid-of-a');
    now = 100;
    const again = await api.next('WATCH');
    expect(again.query.get('resourceVersion')).toBe('4');
    await waitFor('the stalled connection to be given up', () => watch.closed);
    expect(errors).toHaveLength(1);
  });

  test('that the server ends at once every time is asked for ever more slowly', async () => {
    const watch = await watching(3, [], { random: () => 0.5 });
    watch.end();
    const times: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const again = await api.next('WATCH');
      times.push(again.atMs);
      again.open();
      again.end();
    }
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps[0]).toBeGreaterThan(150);
    expect(gaps[1]).toBeGreaterThan(350);
    expect(gaps[2]).toBeGreaterThan(750);
  });

  test('that ends in 410 after every list is asked for ever more slowly', async () => {
    start({ random: () => 0.5 });
    const times: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const list = await api.next('GET');
      times.push(list.atMs);
      list.answer(200, listOf(3, []));
      (await api.next('WATCH')).answer(410, { reason: 'Expired' });
    }
    expect((times[3] ?? 0) - (times[2] ?? 0)).toBeGreaterThan(350);
  });
});

describe('its end', () => {
  test('closes the watch, and no request follows', async () => {
    const watch = await watching(3, []);
    await reflector?.stop();
    await waitFor('the connection to end', () => watch.closed);
    expect(errors).toEqual([]);
  });

  test('before the first list rejects whoever waits for it', async () => {
    const started = start();
    const list = await api.next('GET');
    await started.stop();
    await expect(started.synced).rejects.toThrow('stopped');
    await waitFor('the connection to end', () => list.closed);
  });

  test('does not wait for a long backoff', async () => {
    const started = start();
    (await api.next('GET')).answer(429, { reason: 'TooManyRequests' }, { 'retry-after': '60' });
    await waitFor('the refusal', () => errors.length === 1);
    await started.stop();
  });
});

describe('liveness', () => {
  test('counts from the last sign of life, a failed attempt included', async () => {
    let now = 1000;
    const started = start({ monotonicMs: () => now });
    (await api.next('GET')).answer(200, listOf(3, []));
    await started.synced;
    const watch = await api.next('WATCH');
    watch.open();
    now = 31_000;
    expect(started.silentForMs).toBe(30_000);
    await watch.event('BOOKMARK', { metadata: { resourceVersion: '5' } });
    await waitFor('the bookmark', () => started.silentForMs === 0);
    now = 41_000;
    watch.reset();
    const again = await api.next('WATCH');
    expect(started.silentForMs).toBe(0);
    again.answer(503, '');
    await api.next('WATCH');
  });
});
