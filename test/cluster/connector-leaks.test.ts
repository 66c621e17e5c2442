// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import { harnesses } from '../contract/connectors/harnesses.ts';
import { found, planted, secretForms } from '../contract/connectors/secrets.ts';
import { connectorOf } from '../contract/connectors/suite-bench.ts';
import type { RunningSystem } from '../contract/connectors/harness.ts';
import { bytesOf } from '../kit/canaries.ts';
import { run } from '../kit/manifests.ts';
import { OperatorBench } from '../kit/operator-bench.ts';

/* What the operator itself says to anybody: objects, events, log, metrics, database. The engine alone is searched in test/connectors. */

const refusals = { http: 'status 403', ldap: 'result 50, insufficient rights' } as const;

describe.each(harnesses.map((harness) => [harness.id, harness.auth, harness] as const))(
  'in a cluster no secret of %s with auth.type %s comes out',
  (id, auth, harness) => {
    let bench: OperatorBench;
    let system: RunningSystem;
    beforeAll(async () => {
      bench = await OperatorBench.create();
      system = await harness.start();
      await bench.start();
    });
    afterAll(async () => {
      await bench.close();
      await system[Symbol.asyncDispose]();
    });

    test('neither when all goes well nor when the vendor quotes them', async () => {
      system.plant(planted);
      await bench.apply(
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login' }, stringData: harness.secret },
        {
          apiVersion,
          kind: 'ExternalSystem',
          metadata: { name: 'cmdb' },
          spec: {
            connector: { [id]: system.connector },
            auth: { type: auth, secretRef: { name: 'login' } },
            limits: { requestsPerSecond: 1000, maxRetries: 0, pageSize: harness.pageSize },
          },
        },
      );
      const first = await bench.waitForRun(() => true);
      expect(first.status?.phase, JSON.stringify(first.status)).toBe('Succeeded');
      const [stream] = connectorOf(harness).streams;
      const hits = system.fault(refusals[harness.transport], {
        stream: stream?.name,
        request: 0,
      });
      system.quoteSecrets();
      await bench.apply(run('refused', { mode: 'Full' }));
      const refused = await bench.waitForRun(({ metadata }) => metadata.name === 'refused');
      expect(refused.status?.phase).not.toBe('Succeeded');
      expect(hits()).toBeGreaterThan(0);
      const objects = await bench.kubectl('get', 'externalsystems,syncruns,events', '-o', 'yaml');
      const metrics = await bench.get('/metrics');
      await bench.stop();
      const texts = {
        ...{ objects, 'the log': await bench.log(), 'the metrics': metrics.text },
        'the database': bytesOf(bench.folder),
      };
      for (const [where, text] of Object.entries(texts)) expect(text.length, where).toBeGreaterThan(500);
      expect(found(secretForms(harness, system), texts)).toEqual([]);
    });
  },
);
