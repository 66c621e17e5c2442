// SPDX-License-Identifier: Apache-2.0
import { loadAll } from 'js-yaml';
import { expect, test } from 'vitest';
import { connectors } from '../../connectors/index.ts';
import { localSystem } from '../../src/cli/local-system.ts';
import { runLocal } from '../../src/cli/local-run.ts';
import type { Manifest } from '../../src/cli/manifests.ts';
import { createRuntime } from '../../src/cli/runtime.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import type { Fault } from '../simulators/faults.ts';
import { tooManyRequests, type Asked } from '../simulators/servicenow/faults.ts';
import { CliBench, oauthClient, password } from './cli-bench.ts';

const bench = new CliBench();
const oauth = { auth: { type: 'OAuth2', secretRef: { name: 'login' } } };
const reader = { username: 'reader', password };
const [connector] = connectors;

/** Runs systems one after the other in one process, as an operator does. */
async function process() {
  const store = sqliteStore(':memory:');
  await store.open();
  const runtime = createRuntime({
    version: 'test',
    addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
    onRequest: () => undefined,
  });
  return {
    async run(name: string, secret: object, spec: object = {}) {
      if (connector === undefined) throw new Error('no connector');
      const yaml = bench.manifests({}, spec, secret).replaceAll('name: cmdb', `name: ${name}`);
      const before = bench.instance.requests.length;
      const run = await runLocal(
        {
          local: localSystem(loadAll(yaml) as Manifest[], () => []),
          connector,
          store,
          mode: 'Incremental',
          signal: new AbortController().signal,
          onProgress: () => undefined,
          onCheck: () => undefined,
        },
        runtime,
      );
      return { status: run.status, requests: bench.instance.requests.length - before };
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** Two hours are longer than any run lasts. */
function throttleOnce(when: Fault<Asked>['when']): void {
  bench.instance.faults.add({ when, times: 1, answer: tooManyRequests(7200) });
}

const throttled = { status: { phase: 'Failed', failure: { code: 'throttled' } }, requests: 0 };

test.each([
  ['Basic', reader, {}, reader, {}],
  ['OAuth2 by client credentials', oauthClient, oauth, oauthClient, oauth],
  ['OAuth2 by password, and by Basic as the same user', { ...oauthClient, ...reader }, oauth, reader, {}],
])('systems of one account share its limits: %s', async (_, first, firstSpec, second, secondSpec) => {
  await using operator = await process();
  throttleOnce(({ table }) => table === 'sys_db_object');
  const refused = await operator.run('one', first, firstSpec);
  expect(refused.status).toMatchObject({ phase: 'Failed', failure: { code: 'throttled' } });
  // Told to wait two hours, nobody on the account asks: not even for a token.
  expect(await operator.run('two', second, secondSpec)).toMatchObject(throttled);
  expect(await operator.run('one', first, firstSpec)).toMatchObject(throttled);
});

test('another account of the same instance is not held back', async () => {
  await using operator = await process();
  throttleOnce(({ table }) => table === 'sys_db_object');
  await operator.run('one', reader);
  expect((await operator.run('two', oauthClient, oauth)).status).toMatchObject({ phase: 'Succeeded' });
});

test('a token endpoint that says wait holds the account back as well', async () => {
  await using operator = await process();
  throttleOnce(({ path }) => path === '/oauth_token.do');
  expect((await operator.run('one', oauthClient, oauth)).status).toMatchObject(throttled.status);
  expect(await operator.run('two', oauthClient, oauth)).toMatchObject(throttled);
});
