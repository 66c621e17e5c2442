// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Installation } from '../../src/operator/installation.ts';
import { KubeClient } from '../../src/operator/kube-client.ts';
import { DatabaseRefused, type Store } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { ScriptedApi, type Exchange } from './scripted-api.ts';

let api: ScriptedApi;
let client: KubeClient;
let store: Store;
let told: string[];

beforeEach(async () => {
  api = await ScriptedApi.start();
  client = new KubeClient(api.kubeConfig());
  store = sqliteStore(':memory:');
  await store.open();
  told = [];
});

afterEach(async () => {
  await store.close();
  await client.close();
  await api.stop();
});

function installation(adopt?: string): Installation {
  return new Installation({
    client,
    store,
    adopt,
    onAdopted: (from, to) => told.push(`${from} -> ${to}`),
    onError: (error) => told.push(error instanceof Error ? error.message : String(error)),
    tryAgainMs: 1,
  });
}

async function asked(): Promise<Exchange> {
  const exchange = await api.next('GET');
  expect(exchange.path).toBe('/api/v1/namespaces/kube-system');
  return exchange;
}

async function answerWith(uid: string): Promise<void> {
  (await asked()).answer(200, { metadata: { name: 'kube-system', uid } });
}

async function bound(uid: string, adopt?: string): Promise<Installation> {
  const one = installation(adopt);
  const [binding] = await Promise.allSettled([one.bind(new AbortController().signal), answerWith(uid)]);
  if (binding.status === 'rejected') throw binding.reason;
  return one;
}

describe('the database of a cluster', () => {
  test('is known by the uid of kube-system, in every operator of that cluster', async () => {
    const first = await bound('uid-a');
    expect(first.check).toEqual({ name: 'installation', ok: true, detail: 'uid-a' });
    await bound('uid-a');
    expect(told).toEqual([]);
  });

  test('is refused to another cluster, until that names whose it was', async () => {
    await bound('uid-a');
    await expect(bound('uid-b')).rejects.toThrow(DatabaseRefused);
    await bound('uid-b', 'uid-a');
    expect(told).toEqual(['uid-a -> uid-b']);
  });

  test('waits for the API server and for the right to ask it, and says so meanwhile', async () => {
    const one = installation();
    expect(one.check).toEqual({ name: 'installation', ok: false, detail: 'not known yet' });
    const binding = one.bind(new AbortController().signal);
    (await asked()).answer(403, { reason: 'Forbidden', message: 'no' });
    const again = await asked();
    expect(one.check.ok).toBe(false);
    expect(one.check.detail).toMatch(/lacks get on the namespace kube-system, .*; grant it$/u);
    again.answer(200, { metadata: { uid: 'uid-a' } });
    await binding;
    expect(one.check.ok).toBe(true);
    expect(told).toHaveLength(1);
  });

  test('is not waited for when the operator stops', async () => {
    const stop = new AbortController();
    const one = installation();
    const binding = one.bind(stop.signal);
    await asked();
    stop.abort();
    await binding;
    expect(one.check.ok).toBe(false);
    expect(told).toEqual([]);
  });
});
