// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Mapping } from '../../src/api/mapping.ts';
import { AccountBudget } from '../../src/connector/budget.ts';
import type { Json, ReadEvent } from '../../src/connector/contract.ts';
import { credentialsFrom } from '../../src/connector/credentials.ts';
import { openUpstream } from '../../src/connector/upstream.ts';
import { serve } from '../kit/serve.ts';
import { hostRegister } from './example-connector.ts';

const { signal } = new AbortController();
const clock = { monotonicMs: () => performance.now(), sleep: async () => undefined };
let hosts: unknown[];
let hidden = 0;
let url: string;
let stop: () => Promise<void>;

beforeEach(async () => {
  hosts = Array.from({ length: 5 }, (_, index) => ({
    id: `h${index}`,
    name: `host ${index}`,
    os: 'Linux',
    rack: 7,
  }));
  hidden = 0;
  ({ url, stop } = await serve((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const after = searchParams.get('after') ?? '';
    const rest = hosts.filter((host) => (host as { id: string }).id > after);
    const page = { total: hosts.length + hidden, hosts: rest.slice(0, Number(searchParams.get('limit'))) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
  }));
});
afterEach(() => stop());

async function read(checkpoint?: Json, mapping?: Mapping) {
  const upstream = openUpstream({
    correlationId: 'test',
    userAgent: 'test',
    signal,
    remainingMs: () => 60_000,
    budget: new AccountBudget({ requestsPerSecond: 1000, inFlight: 1 }, clock),
    maxRetries: 0,
    addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
    urlField: 'spec.connector.hostRegister.url',
    clock,
    now: () => new Date(),
    random: () => 0,
    onRequest: () => undefined,
  });
  const data = { username: 'cmVhZGVy', password: 'c2VjcmV0' };
  const connection = await hostRegister.connect({
    config: { url },
    credentials: credentialsFrom('Basic', { namespace: 'inventory', name: 'login', data }),
    pageSize: 2,
    mapping,
    http: (client) => upstream.http(client),
    ldap: (options) => upstream.ldap(options),
    learnSecret: () => undefined,
    redact: (text) => text,
    now: () => new Date(),
    signal,
  });
  const [stream] = connection.streams;
  const events: ReadEvent[] = [];
  const request = {
    cursor: () => undefined,
    checkpoint: () => checkpoint,
    ended: () => false,
    lastEvidence: async () => undefined,
    begun: () => checkpoint !== undefined,
  };
  for await (const event of stream?.read(request) ?? []) events.push(event);
  await upstream.close();
  const rows = events.flatMap((event) => (event.type === 'page' ? event.rows : []));
  return { rows, outcomes: rows.map((row) => stream?.normalise(row)), last: events.at(-1) };
}

it('reads page after page to a proven end, and keeps what has no column', async () => {
  const { outcomes, last } = await read();
  expect(outcomes).toHaveLength(5);
  expect(outcomes[0]).toEqual({
    type: 'record',
    record: {
      externalId: 'h0',
      columns: { name: 'host 0', class: 'host', type: 'server', operatingSystem: 'Linux' },
      attributes: { rack: 7 },
    },
  });
  expect(last).toMatchObject({ type: 'end', coverage: 'Full', evidence: { rows: 5, counted: 5 } });
});

it('lets an owner map fields of its rows', async () => {
  const { outcomes } = await read(undefined, { hosts: { location: { from: ['room', 'rack'] } } });
  expect(outcomes[0]).toMatchObject({ record: { columns: { location: '7', name: 'host 0' } } });
});

it('goes on behind its checkpoint', async () => {
  const { rows, last } = await read({ after: 'h3', rows: 4 });
  expect(rows).toMatchObject([{ id: 'h4' }]);
  expect(last).toMatchObject({ type: 'end', coverage: 'Full' });
});

it('proves nothing when rows are hidden', async () => {
  hidden = 2;
  const message = expect.stringContaining('5 of 7 counted rows');
  expect((await read()).last).toMatchObject({ type: 'unverified', failure: { code: 'permission', message } });
});

it('sets a row aside under its id when it does not fit', async () => {
  hosts.push({ id: 'h9', name: 5 });
  const { outcomes } = await read();
  expect(outcomes.at(-1)).toMatchObject({
    type: 'invalid',
    externalId: 'h9',
    path: expect.stringContaining('name'),
  });
});
