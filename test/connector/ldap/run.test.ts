// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import type { ExternalSystem } from '../../../src/api/resource.ts';
import type { RunMode } from '../../../src/api/sync-run.ts';
import { runLocal } from '../../../src/cli/local-run.ts';
import { createRuntime } from '../../../src/cli/runtime.ts';
import { defineStream } from '../../../src/connector/define-stream.ts';
import { defineConnector } from '../../../src/connector/define.ts';
import type { LdapClient } from '../../../src/connector/ldap/client.ts';
import { sqliteStore } from '../../../src/store/sqlite/index.ts';
import { waitFor } from '../../kit/wait.ts';
import { always } from '../../simulators/ldap/behaviour.ts';
import { domain } from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount, type FakeDirectory } from '../../simulators/ldap/server.ts';
import { allUsers, authority, trustedTls } from './kit.ts';

// A whole run over LDAP, by the engine and the runtime of the program.

/** How often the connector was told that the run needs it no longer. */
let closed = 0;
const Row = Type.Object({ guid: Type.String({ minLength: 1 }), name: Type.String() });
const scope = 'users';

const users = defineStream({
  ...{ name: 'users', record: 'User', needs: ['read users'], row: Row },
  ...{ cursor: Type.Null(), checkpoint: Type.Null() },
  enabled: () => true,
  async *read(client: LdapClient) {
    let rows = 0;
    for await (const page of client.pages(allUsers)) {
      rows = (page.start ? 0 : rows) + page.entries.length;
      const found = page.entries.map((entry) => ({
        guid: entry.bytes('objectGUID')?.toString('hex'),
        name: entry.first('cn'),
      }));
      yield { type: 'page', scope, rows: found, checkpoint: null };
    }
    yield { type: 'end', scope, coverage: 'Full', evidence: { rows } };
  },
  idOf: (raw) => (raw as { guid?: string }).guid,
  toRecord: (row) => ({ externalId: row.guid, columns: { name: row.name }, attributes: {} }),
  test: async () => 'may be read',
});

const peopleDirectory = defineConnector({
  ...{
    id: 'peopleDirectory',
    category: 'identity',
    title: 'People',
    version: 1,
    auth: ['Basic'],
    folder: 'people',
  },
  config: Type.Object({ url: Type.String() }),
  streams: [users],
  origin: ({ url }) => new URL(url),
  async open(context) {
    const { config, credentials } = context;
    const client = await context.ldap({
      ...{ urls: [new URL(config.url)], startTls: false, binaryAttributes: ['objectGUID'] },
      ...{ name: credentials.value('username'), password: credentials.value('password') },
      urlField: 'spec.connector.peopleDirectory.url',
    });
    return {
      session: client,
      source: config.url,
      account: credentials.account,
      close: () => ((closed += 1), client.close()),
    };
  },
});

interface Given {
  readonly mode?: RunMode;
  readonly ca?: string;
  readonly tls?: { readonly ca: string };
}

/** One process that runs systems one after the other or side by side. */
async function program() {
  const store = sqliteStore(':memory:');
  await store.open();
  const requests: (string | number | undefined)[] = [];
  const runtime = createRuntime({
    version: 'test',
    addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
    onRequest: ({ status }) => requests.push(status),
  });
  return {
    requests,
    async run(name: string, url: URL, { mode = 'Full', ca, tls }: Given = {}) {
      const secret = {
        username: syncAccount.name,
        password: syncAccount.password,
        ...(ca && { 'ca.crt': ca }),
      };
      const encoded = Object.entries(secret).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]);
      const system = {
        ...{ apiVersion: 'integrations.buildworks.ai/v1alpha1', kind: 'ExternalSystem' },
        metadata: {
          ...{ name, namespace: 'inventory', uid: `uid-${name}`, generation: 1, resourceVersion: '' },
        },
        spec: {
          connector: { peopleDirectory: { url: url.href } },
          auth: { type: 'Basic', secretRef: { name: 'login' } },
          limits: { inFlight: 1, requestsPerSecond: 1000, maxRetries: 0 },
          ...(tls === undefined ? {} : { tls }),
        },
      } as unknown as ExternalSystem;
      const run = await runLocal(
        {
          ...{
            local: { system, secret: Object.fromEntries(encoded) as Record<string, string> },
            mode,
            store,
          },
          ...{ connector: peopleDirectory, signal: new AbortController().signal },
          ...{ onProgress: () => undefined, onCheck: () => undefined },
        },
        runtime,
      );
      return run.status ?? {};
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

const directory = (count: number): Promise<FakeDirectory> =>
  fakeDirectory({ entries: domain({ users: count }), tls: trustedTls });

it('reads a directory into the inventory, counts its requests, and leaves no connection', async () => {
  await using server = await directory(250);
  await using up = await program();
  const status = await up.run('people', server.url);
  expect(status).toMatchObject({
    phase: 'Succeeded',
    streams: [{ name: 'users', fetched: 250, created: 250 }],
    upstream: { requests: 5 },
  });
  expect(status.upstream?.bytes).toBeGreaterThan(10_000);
  expect(up.requests).toEqual(['success', 'success', 'success', 'success', 'success']);
  expect(server.asked('unbind')).toHaveLength(1);
  expect(closed).toBe(1);
});

it.each<[string, Given]>([
  ['the key ca.crt of the Secret', { ca: authority.cert }],
  ['spec.tls.ca', { tls: { ca: authority.cert } }],
])('trusts the authority of %s', async (_, given) => {
  await using server = await directory(3);
  await using up = await program();
  expect(await up.run('people', server.secureUrl, given)).toMatchObject({ phase: 'Succeeded' });
});

it('names the Secret whose ca.crt is none, and trusts nobody without one', async () => {
  await using server = await directory(3);
  await using up = await program();
  expect(await up.run('people', server.secureUrl, { ca: 'none' })).toMatchObject({
    phase: 'Failed',
    failure: { code: 'credentials', message: expect.stringContaining('Secret inventory/login: key ca.crt') },
  });
  expect(await up.run('people', server.secureUrl)).toMatchObject({
    phase: 'Failed',
    failure: {
      code: 'unavailable',
      message: expect.stringContaining('ca.crt in the Secret, or spec.tls.ca'),
    },
  });
  expect(server.asked('bind')).toHaveLength(0);
});

it('compares the clock of the directory with ours in mode Test', async () => {
  await using server = await directory(3);
  server.clockOffsetMs = -3_600_000;
  await using up = await program();
  const { checks } = await up.run('people', server.url, { mode: 'Test' });
  expect(checks).toContainEqual({
    name: 'clock',
    result: 'Warning',
    message: expect.stringMatching(/^vendor clock 3\d{3} s behind ours/u),
  });
});

it('gives each directory a budget of its own: one that says nothing holds nobody else', async () => {
  await using silent = await directory(3);
  await using server = await directory(3);
  silent.script = always('bind', { type: 'silent' });
  await using up = await program();
  const held = up.run('silent', silent.url);
  await waitFor('the login that is held', () => silent.asked('bind').length === 1);
  expect(await up.run('people', server.url)).toMatchObject({ phase: 'Succeeded' });
  silent.dropConnections();
  expect(await held).toMatchObject({ phase: 'Failed', failure: { code: 'unavailable' } });
});
