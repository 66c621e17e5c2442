// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { annotations, apiVersion } from '../../src/api/group.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { holdPages } from '../cluster/hold-pages.ts';
import { render } from '../kit/helm.ts';
import { run, system } from '../kit/manifests.ts';
import { waitFor } from '../kit/wait.ts';
import { askedBy, grantedBy } from './audit.ts';
import { account, InstalledChart } from './installed.ts';

const password = 'canary-of-the-chart-9917';

let upstream: Planted;
let installed: InstalledChart | undefined;

beforeEach(async () => {
  upstream = await plantServers(30, { username: 'reader', password });
});

afterEach(async () => {
  await installed?.close();
  installed = undefined;
  await upstream[Symbol.asyncDispose]();
});

function secret(name: string, value: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { username: 'reader', password: value },
  };
}

function cmdb(spec: object = {}): object {
  return system('cmdb', {
    connector: { serviceNowCmdb: { url: upstream.url, classes: ['cmdb_ci_server'] } },
    auth: { type: 'Basic', secretRef: { name: 'login' } },
    limits: { requestsPerSecond: 1000, pageSize: 10 },
    history: { successful: 1 },
    ...spec,
  });
}

const auth = (name: string) => ({ auth: { type: 'Basic', secretRef: { name } } });

describe.skipIf(inject('helm')?.state === 'missing')("the operator with the chart's own account", () => {
  test(
    'is refused nothing in all that it does, and uses every right that it has',
    { timeout: 180_000 },
    async () => {
      installed = await InstalledChart.create(['inventory']);
      const { plane } = installed;
      const kubectl = (...args: string[]) => plane.kubectl(['--namespace', 'inventory', ...args]);
      await installed.start();

      // A run by schedule; credentials that turn bad, good, and bad again, with an Event each that is there before the second time.
      await installed.apply('inventory', secret('login', password), secret('wrong', 'x'), cmdb());
      await installed.ended('inventory', ({ spec }) => spec.trigger === 'Schedule');
      await installed.becomes('inventory', 'Connected');
      for (const name of ['wrong', 'login', 'wrong', 'login']) {
        await installed.apply('inventory', cmdb(auth(name)));
        await installed.becomes('inventory', name === 'wrong' ? 'InvalidCredentials' : 'Connected');
      }
      await waitFor('an Event that has counted up', async () => {
        const counts = await kubectl(
          'get',
          'events',
          '--output',
          'custom-columns=N:.count,R:.reason,M:.message',
        );
        if (!/^[2-9] /mu.test(counts)) throw new Error(counts);
        return true;
      });

      // Runs by annotation and by a person; the older ones are pruned.
      await kubectl('annotate', 'externalsystem', 'cmdb', `${annotations.runRequested}=one`);
      await installed.ended('inventory', ({ metadata }) => metadata.name.startsWith('cmdb-r-'));
      for (const name of ['first', 'second']) {
        await installed.apply('inventory', run(name));
        await installed.ended('inventory', ({ metadata }) => metadata.name === name);
      }
      await waitFor('the first to be pruned', async () =>
        (await installed!.runs('inventory')).every(({ metadata }) => metadata.name !== 'first'),
      );

      // A run that is cancelled, and one whose system is deleted under it.
      const pages = holdPages(upstream.instance);
      await installed.apply('inventory', run('cancelled', { mode: 'Full' }));
      await waitFor('the second page to be asked for', () => pages.reached());
      await kubectl('annotate', 'syncrun', 'cancelled', `${annotations.cancel}=true`);
      const cancelled = await installed.ended('inventory', ({ metadata }) => metadata.name === 'cancelled');
      expect(cancelled.status?.phase).toBe('Cancelled');
      await installed.apply('inventory', run('orphan', { mode: 'Full' }));
      await waitFor('the run to be worked on', async () =>
        (await installed!.runs('inventory')).some(
          ({ metadata, status }) => metadata.name === 'orphan' && status?.phase === 'Running',
        ),
      );
      await kubectl('delete', 'externalsystem', 'cmdb');
      await waitFor('all finished runs of the deleted system to be pruned', async () =>
        (await installed!.runs('inventory')).every(({ spec }) => spec.systemRef.name !== 'cmdb'),
      );
      expect(await installed.stop()).toBe(0);

      const asked = await askedBy(account, plane.auditLogPath!);
      const granted = grantedBy(await render());
      expect(asked.forbidden).toEqual([]);
      expect([...asked.rights].toSorted()).toEqual([...granted].toSorted());
      expect(granted.size).toBe(18);
    },
  );

  test('works on the namespaces of a list, and asks for nothing of another', async () => {
    installed = await InstalledChart.create(['one', 'two', 'three'], 'watchNamespaces=["one","two"]');
    await installed.start();
    for (const namespace of ['one', 'two', 'three'])
      await installed.apply(namespace, secret('login', password), cmdb());
    for (const namespace of ['one', 'two']) {
      const ended = await installed.ended(namespace, ({ spec }) => spec.trigger === 'Schedule');
      expect(ended.status).toMatchObject({ phase: 'Succeeded', totals: { created: 30 } });
      await installed.becomes(namespace, 'Connected');
    }
    expect((await installed.system('three')).status).toEqual({ observedGeneration: -1 });
    expect(await installed.runs('three')).toEqual([]);
    expect(await installed.stop()).toBe(0);
    const asked = await askedBy(account, installed.plane.auditLogPath!);
    expect(asked.forbidden).toEqual([]);
    expect([...asked.namespaces].toSorted()).toEqual([
      'external-system-operator',
      'kube-system',
      'one',
      'two',
    ]);
  });
});

test.skipIf(inject('helm')?.state === 'missing')(
  "an account without the chart's rights is refused, and the audit log shows it",
  async () => {
    installed = await InstalledChart.create([], 'rbac.create=false');
    const { plane } = installed;
    const { kubeconfigPath } = await plane.kubeConfigForServiceAccount(
      'external-system-operator',
      'external-system-operator',
    );
    await expect(
      plane.kubectl(['get', 'externalsystems', '--all-namespaces'], { kubeconfigPath }),
    ).rejects.toThrow(/forbidden/u);
    const { forbidden } = await askedBy(account, plane.auditLogPath!);
    expect(forbidden).toContainEqual(expect.stringContaining(`/apis/${apiVersion}/externalsystems`));
  },
);
