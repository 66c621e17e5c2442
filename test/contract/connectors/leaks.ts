// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncRun } from '../../../src/api/resource.ts';
import { bytesOf } from '../../kit/canaries.ts';
import { system as manifestOf } from '../../kit/manifests.ts';
import { endAnswersThatDrip } from './drip.ts';
import type { ConnectorHarness } from './harness.ts';
import { found, planted, secretForms } from './secrets.ts';
import { ConnectorBench, connectorOf } from './suite-bench.ts';

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** Faults in which a vendor can say something, or in whose rows something stands. */
const talkative: Readonly<Record<ConnectorHarness['transport'], readonly string[]>> = {
  http: ['status 401', 'status 403', 'status 429', 'status 500', 'an HTML page with 200', 'garbage rows'],
  ldap: [
    'result 49, wrong password',
    'result 50, insufficient rights',
    'result 52, unavailable',
    'garbage entries',
    'a referral',
  ],
};

/** Secrets are put in, of the Secret, of the vendor and of rows, and everything that comes out is searched for them. */
export function testLeaks(harness: ConnectorHarness): void {
  const { id, auth, without, transport } = harness;
  const faults = talkative[transport].filter((kind) => !Object.hasOwn(without, kind));
  const { streams } = connectorOf(harness);
  let bench: ConnectorBench;

  describe(`no secret of ${id} with auth.type ${auth} comes out`, () => {
    beforeAll(async () => {
      bench = await ConnectorBench.start(harness);
    });
    afterAll(() => bench[Symbol.asyncDispose]());

    /** Searches what a run has left anywhere. */
    async function search(kind: string | undefined, stream?: string): Promise<number> {
      bench.use();
      bench.system.lift();
      const hits = kind === undefined ? () => 0 : bench.system.fault(kind, { stream, request: 0 });
      bench.system.quoteSecrets();
      bench.system.plant(planted);
      const runs = [];
      for (const mode of ['Full', 'Test'] as const)
        runs.push(await endAnswersThatDrip(bench.system, () => bench.run({ mode })));
      const forms = secretForms(harness, bench.system);
      const texts = {
        'the record': runs.map(({ json }) => json).join('\n'),
        'the log': runs.map(({ log }) => log).join('\n'),
        'the database': bytesOf(bench.folder),
      };
      expect(found(forms, texts), `${kind ?? 'no fault'} in ${stream ?? 'login'}`).toEqual([]);
      // What is searched does hold what was said.
      expect(texts['the database']).toContain(runs[0]?.status.correlationId);
      expect(texts['the log']).toContain('"msg"');
      bench.drop();
      return hits();
    }

    test('when all goes well', async () => {
      await search(undefined);
    });

    test.each(faults)('when the vendor quotes them: %s', async (kind) => {
      let hits = 0;
      for (const stream of new Set([undefined, streams[0]?.name, streams.at(-1)?.name]))
        hits += await search(kind, stream);
      expect(hits, 'times it went wrong').toBeGreaterThan(0);
    });

    test.each([['well', undefined] as const, ['badly', faults[1]] as const])(
      'by the command line, when it goes %s: output, arguments, database',
      async (_, kind) => {
        bench.system.lift();
        if (kind !== undefined) bench.system.fault(kind, { stream: streams[0]?.name, request: 0 });
        bench.system.quoteSecrets();
        bench.system.plant(planted);
        const folder = join(bench.folder, `cli-${String(kind !== undefined)}`);
        mkdirSync(folder);
        const args = ['sync', '-f', '-', '--store', `sqlite:${join(folder, 'inventory.db')}`, '-o', 'json'];
        const spec = bench.spec({
          limits: { requestsPerSecond: 1000, maxRetries: 0, pageSize: harness.pageSize },
        });
        const metadata = { name: 'login', namespace: 'inventory' };
        const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: harness.secret };
        const system = manifestOf('system', spec, { namespace: 'inventory' });
        const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe' });
        child.stdin.end(`${dump(secret)}---\n${dump(system)}`);
        const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
        expect((JSON.parse(out) as SyncRun).status?.phase, err).toMatch(
          kind === undefined ? /^Succeeded$/u : /^(?:Partially|Failed)/u,
        );
        const texts = {
          output: out,
          progress: err,
          arguments: args.join(' '),
          'the database': bytesOf(folder),
        };
        expect(found(secretForms(harness, bench.system), texts)).toEqual([]);
      },
    );
  });
}
