// SPDX-License-Identifier: Apache-2.0
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { apiVersion, externalSystemKind, syncRunKind } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { resolveControlPlane } from '../kit/control-plane/resolve.ts';
import { startControlPlane, type ControlPlane } from '../kit/control-plane/start.ts';
import { release, render } from '../kit/helm.ts';
import { waitFor } from '../kit/wait.ts';

const alice = 'alice@example.com';
const namespace = 'inventory';

/** Everything in the API group, as an administrator of it would have: what is refused then is refused by the policies. */
const allRights = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'integrations-admin' },
    rules: [{ apiGroups: ['integrations.buildworks.ai'], resources: ['*'], verbs: ['*'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'integrations-admin' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'integrations-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: alice }],
  },
];

function yaml(...objects: readonly object[]): string {
  return objects.map((object) => dump(object)).join('---\n');
}

function system(name: string): object {
  return {
    apiVersion,
    kind: externalSystemKind,
    metadata: { name },
    spec: {
      connector: { serviceNowCmdb: { url: 'https://example.service-now.com', classes: ['cmdb_ci_server'] } },
      auth: { type: 'Basic', secretRef: { name: 'login' } },
      suspend: true,
    },
  };
}

function run(metadata: object, spec: object = {}): object {
  const systemRef = { name: 'cmdb' };
  return { apiVersion, kind: syncRunKind, metadata, spec: { systemRef, mode: 'Full', ...spec } };
}

// Where no Helm can be had, test/charts/render.cluster.test.ts fails and says so.
describe.skipIf(inject('helm')?.state === 'missing')('the admission policies', () => {
  let plane: ControlPlane;
  let as: Readonly<Record<'alice' | 'admin' | 'operator' | 'collector', string>>;

  const kubectl = (who: keyof typeof as, args: readonly string[], input = '', inside = namespace) =>
    plane.kubectl(['--namespace', inside, ...args], { kubeconfigPath: as[who], input });
  const create = (who: keyof typeof as, ...objects: readonly object[]) =>
    kubectl(who, ['create', '-f', '-'], yaml(...objects));
  const becomes = (name: string, phase: string, inside = namespace) =>
    kubectl(
      'operator',
      [
        ...['patch', 'syncrun', name, '--subresource=status', '--type=merge'],
        ...['--patch', JSON.stringify({ status: { phase } })],
      ],
      '',
      inside,
    );
  const made = async (name: string, phase?: string) => {
    await create('operator', run({ name }));
    if (phase !== undefined) await becomes(name, phase);
  };
  const runs = async (inside = namespace): Promise<string[]> => {
    const list = await kubectl('admin', ['get', 'syncruns', '--output', 'json'], '', inside);
    return (JSON.parse(list) as { items: SyncRun[] }).items.map(({ metadata }) => metadata.name);
  };

  beforeAll(async () => {
    // The real controllers are part of what is tested: they are built where they are not at hand.
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    const binaries = await resolveControlPlane({ progress, allowBuild: true, controllerManager: true });
    plane = await startControlPlane(binaries, { controllerManager: true });
    for (const name of [release, namespace]) await plane.kubectl(['create', 'namespace', name]);
    const objects = (await render()).filter(({ kind }) => kind !== 'Deployment');
    await plane.kubectl(['apply', '--namespace', release, '-f', '-'], {
      input: yaml(...objects, ...allRights),
    });
    await plane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
    const collector = 'system:serviceaccount:kube-system:generic-garbage-collector';
    await plane.kubectl([
      'create',
      'clusterrolebinding',
      'collector',
      '--clusterrole=integrations-admin',
      `--user=${collector}`,
    ]);
    const operator = await plane.kubeConfigForServiceAccount(release, release);
    // The chart grants no `patch`; what may be patched here is not what is tested.
    await plane.kubectl([
      'create',
      'clusterrolebinding',
      'operator',
      '--clusterrole=integrations-admin',
      `--serviceaccount=${release}:${release}`,
    ]);
    as = {
      alice: plane.kubeConfigFor(alice).kubeconfigPath,
      admin: plane.kubeconfigPath,
      operator: operator.kubeconfigPath,
      collector: plane.kubeConfigFor(collector).kubeconfigPath,
    };
    await create('alice', system('cmdb'));
    const forged = yaml(run({ name: 'probe' }, { requestedBy: 'nobody' }));
    await waitFor('the policies to be in force', () =>
      kubectl('alice', ['create', '--dry-run=server', '-f', '-'], forged).then(
        () => false,
        () => true,
      ),
    );
    await made('pending');
    await made('running', 'Running');
    await made('succeeded', 'Succeeded');
  }, 900_000);

  afterAll(() => plane?.stop());

  const patch = (kind: string, name: string, status: object) => [
    ...['patch', kind, name, '--subresource=status', '--type=merge'],
    ...['--patch', JSON.stringify({ status })],
  ];
  const written = 'only the operator writes it, not';

  test.each<[who: keyof typeof as, title: string, args: readonly string[], message: RegExp]>([
    ['alice', 'ends a run herself', patch('syncrun', 'running', { phase: 'Succeeded' }), RegExp(written)],
    ['admin', 'ends a run himself', patch('syncrun', 'running', { phase: 'Succeeded' }), RegExp(written)],
    ['collector', 'ends a run', patch('syncrun', 'running', { phase: 'Succeeded' }), RegExp(written)],
    [
      'alice',
      'moves the head of the chain',
      patch('externalsystem', 'cmdb', { chainHead: { sequence: 1, digest: 'sha256:0' } }),
      RegExp(written),
    ],
    [
      'alice',
      'deletes a run that waits',
      ['delete', 'syncrun', 'pending'],
      /pending has not ended: cancel it with the annotation/,
    ],
    [
      'alice',
      'deletes a run that is under way',
      ['delete', 'syncrun', 'running'],
      /running has not ended: cancel it/,
    ],
    [
      'admin',
      'deletes a run that is under way',
      ['delete', 'syncrun', 'running'],
      /running has not ended: cancel it/,
    ],
    [
      'alice',
      'deletes all runs in one request',
      ['delete', '--raw', `/apis/${apiVersion}/namespaces/${namespace}/syncruns?labelSelector=none!=there`],
      /has not ended/,
    ],
  ])('refuse that %s %s', async (who, _, args, message) => {
    await expect(kubectl(who, args)).rejects.toThrow(message);
  });

  test.each<[title: string, metadata: object, spec: object, message: RegExp]>([
    [
      'a slot',
      { name: 'nightly' },
      { scheduledTime: '2026-11-24T10:00:00Z' },
      /spec\.scheduledTime is for runs that the operator makes/,
    ],
    [
      'a trigger of the operator',
      { name: 'nightly' },
      { trigger: 'Schedule' },
      /spec\.trigger Schedule is for runs/,
    ],
    [
      'the name of a slot',
      { name: 'cmdb-29412345' },
      {},
      /metadata\.name cmdb-29412345 has the form of a run/,
    ],
    ["the name of another system's slot", { name: 'other-29412345' }, {}, /would stand in its place/],
    ['the name of a new generation', { name: 'cmdb-g-3' }, {}, /would stand in its place/],
    ['the name of a request', { name: 'cmdb-r-0123456789' }, {}, /would stand in its place/],
    ['the name of changed credentials', { name: 'cmdb-c-0123456789' }, {}, /would stand in its place/],
    [
      "another's name as its requester",
      { name: 'now' },
      { requestedBy: 'bob@example.com' },
      /requestedBy bob@example\.com is not who asks: .*alice@example\.com/,
    ],
  ])('refuse a run with %s', async (_, metadata, spec, message) => {
    await expect(create('alice', run(metadata, spec))).rejects.toThrow(message);
  });

  test('hold requestedBy to the truth for the operator too', async () => {
    await expect(create('operator', run({ name: 'forged' }, { requestedBy: alice }))).rejects.toThrow(
      /is not who asks/,
    );
  });

  test('let a person run, test and cancel, and delete what has ended', async () => {
    await create(
      'alice',
      run({ name: 'cmdb-now' }),
      run({ name: 'cmdb-1' }, { trigger: 'Manual', requestedBy: alice }),
      run({ generateName: 'cmdb-test-' }, { mode: 'Test' }),
    );
    await kubectl('alice', ['annotate', 'syncrun', 'cmdb-now', 'integrations.buildworks.ai/cancel=true']);
    await kubectl('alice', [
      'annotate',
      'externalsystem',
      'cmdb',
      'integrations.buildworks.ai/run-requested=one',
    ]);
    await kubectl('alice', ['delete', 'syncrun', 'succeeded']);
    expect(await runs()).not.toContain('succeeded');
  });

  test.each(['Succeeded', 'PartiallySucceeded', 'Failed', 'Cancelled', 'Skipped'])(
    'let a person delete a run that is %s',
    async (phase) => {
      const name = `ended-${phase.toLowerCase()}`;
      await made(name, phase);
      await kubectl('alice', ['delete', 'syncrun', name]);
      expect(await runs()).not.toContain(name);
    },
  );

  test('let the operator make, end and delete its runs', async () => {
    const spec = { trigger: 'Schedule', scheduledTime: '2026-11-24T10:00:00Z' };
    await create('operator', run({ name: 'cmdb-29400000' }, spec));
    await becomes('cmdb-29400000', 'Running');
    await kubectl('operator', ['delete', 'syncrun', 'cmdb-29400000']);
    await kubectl(
      'operator',
      patch('externalsystem', 'cmdb', { chainHead: { sequence: 1, digest: 'sha256:0' } }),
    );
    expect(await runs()).not.toContain('cmdb-29400000');
  });

  test('let the garbage collector take a run that has not ended with its system', async () => {
    await create('alice', system('short-lived'));
    const uid = await kubectl('alice', [
      'get',
      'externalsystem',
      'short-lived',
      '--output',
      'jsonpath={.metadata.uid}',
    ]);
    const ownerReferences = [
      { apiVersion, kind: externalSystemKind, name: 'short-lived', uid, controller: true },
    ];
    await create('operator', run({ name: 'owned', ownerReferences }));
    await becomes('owned', 'Running');
    await kubectl('alice', ['delete', 'externalsystem', 'short-lived']);
    await waitFor('the run to be collected', async () => !(await runs()).includes('owned'));
  });

  test('let a namespace go with the runs in it', async () => {
    await plane.kubectl(['create', 'namespace', 'leaving']);
    await kubectl('alice', ['create', '-f', '-'], yaml(system('cmdb')), 'leaving');
    await kubectl('operator', ['create', '-f', '-'], yaml(run({ name: 'under-way' })), 'leaving');
    await becomes('under-way', 'Running', 'leaving');
    await plane.kubectl(['delete', 'namespace', 'leaving', '--wait=false']);
    await waitFor('the namespace to be gone', () =>
      plane.kubectl(['get', 'namespace', 'leaving']).then(
        () => false,
        (error: Error) => error.message.includes('NotFound'),
      ),
    );
  });

  test('fit the types of the objects they speak of', async () => {
    const checked = await waitFor('the policies to be type-checked', async () => {
      const list = await plane.kubectl(['get', 'validatingadmissionpolicies', '--output', 'json']);
      const { items } = JSON.parse(list) as {
        items: {
          metadata: { name: string; generation: number };
          status?: { observedGeneration?: number; typeChecking?: object };
        }[];
      };
      return items.every(({ metadata, status }) => status?.observedGeneration === metadata.generation)
        ? items
        : undefined;
    });
    expect(checked.map(({ metadata, status }) => [metadata.name, status?.typeChecking])).toEqual([
      [`${release}-runs`, {}],
      [`${release}-systems`, {}],
    ]);
  });
});
