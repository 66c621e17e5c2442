// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';
import { describe, expect, inject, test } from 'vitest';
import { freshNamespace, sharedCluster } from '../kit/control-plane/shared.ts';
import { chart, helm, kustomize, release, render, type KubeObject } from '../kit/helm.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

// The only test of the chart that fails where no Helm can be had; the others are skipped then.
test('Helm 4 is at hand for the tests of the chart', () => {
  const found = inject('helm');
  if (found.state === 'missing') expect.fail(found.reason);
});

/** What Helm adds to any object, and what tells it to keep one. */
const helms = new Set(['helm.sh/chart', 'app.kubernetes.io/managed-by', 'helm.sh/resource-policy']);

/** kubectl's kustomize does not know that these stand in no namespace; the API server takes it off them, as a test shows. */
const clusterWide = /^ValidatingAdmissionPolicy(?:Binding)?$/u;

function withoutScope(object: KubeObject): KubeObject {
  const { namespace: _, ...metadata } = object.metadata;
  return clusterWide.test(object.kind) ? { ...object, metadata } : object;
}

function withoutHelms(object: KubeObject): unknown {
  const strip = (map: Readonly<Record<string, string>> | undefined) => {
    const left = Object.entries(map ?? {}).filter(([key]) => !helms.has(key));
    return left.length === 0 ? undefined : Object.fromEntries(left);
  };
  const { labels, annotations, ...metadata } = withoutScope(object).metadata;
  return { ...object, metadata: { ...metadata, labels: strip(labels), annotations: strip(annotations) } };
}

function byName(objects: readonly KubeObject[]): Map<string, unknown> {
  return new Map(
    objects
      .map(withoutScope)
      .map((object) => [
        `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`,
        withoutHelms(object),
      ]),
  );
}

function one(objects: readonly KubeObject[], kind: string): KubeObject {
  const found = objects.filter((object) => object.kind === kind);
  expect(found, kind).toHaveLength(1);
  return found[0]!;
}

interface PodSpec {
  readonly serviceAccountName: string;
  readonly containers: readonly {
    readonly image: string;
    readonly args: readonly string[];
    readonly env: readonly { readonly name: string }[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
    readonly [field: string]: unknown;
  }[];
  readonly volumes: readonly { readonly name: string; readonly [source: string]: unknown }[];
}

function podOf(objects: readonly KubeObject[]): PodSpec {
  const { spec } = one(objects, 'Deployment') as unknown as { spec: { template: { spec: PodSpec } } };
  return spec.template.spec;
}

function argsOf(objects: readonly KubeObject[]): readonly string[] {
  return podOf(objects).containers[0]!.args;
}

describe.skipIf(inject('helm')?.state === 'missing')('the chart', () => {
  test('renders what config/default does, but for the namespace', async () => {
    const [ofChart, ofConfig] = await Promise.all([render(), kustomize('default')]);
    const [charts, configs] = [byName(ofChart), byName(ofConfig)];
    expect(configs.delete('Namespace /external-system-operator')).toBe(true);
    expect([...charts.keys()].toSorted()).toEqual([...configs.keys()].toSorted());
    for (const [name, object] of charts) expect(configs.get(name), name).toEqual(object);
    expect(charts.size).toBe(16);
  });

  test('has the version of the program', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    const about = load(await readFile(join(chart, 'Chart.yaml'), 'utf8')) as Record<string, unknown>;
    expect(about).toMatchObject({ version, appVersion: version });
    expect(podOf(await render()).containers[0]?.image).toBe(`external-system-operator:${version}`);
  });

  test('keeps the CRDs and the claim when it is uninstalled, and nothing else', async () => {
    const kept = (await render())
      .filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep')
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(kept.toSorted()).toEqual([
      'CustomResourceDefinition externalsystems.integrations.buildworks.ai',
      'CustomResourceDefinition syncruns.integrations.buildworks.ai',
      'PersistentVolumeClaim external-system-operator',
    ]);
  });

  test('the policies of kustomize are taken by the API server, wherever kubectl means to put them', async () => {
    const policies = (await kustomize('default')).filter(({ kind }) => clusterWide.test(kind));
    expect(policies).toHaveLength(4);
    const input = policies.map((policy) => dump(policy)).join('---\n');
    const said = await sharedCluster().kubectl(['create', '--dry-run=server', '-f', '-'], { input });
    expect(said.match(/created \(server dry run\)/gu)).toHaveLength(4);
  });

  test('names who may write the audit log: its own account and those of the values', async () => {
    const objects = await render(
      'watchNamespaces=["one","two"]',
      'serviceAccount.name="mine"',
      'admissionPolicy.extraOperators=["restorer"]',
      'admissionPolicy.clusterControllers=["collector"]',
    );
    const of = (kind: string) => objects.filter((object) => object.kind === kind);
    const variables = of('ValidatingAdmissionPolicy').map(
      ({ spec }) => (spec as { variables: { name: string; expression: string }[] }).variables,
    );
    const operators = {
      name: 'operators',
      expression: `["system:serviceaccount:${release}:mine","restorer"]`,
    };
    expect(variables[0]).toEqual(
      expect.arrayContaining([operators, { name: 'controllers', expression: '["collector"]' }]),
    );
    expect(variables[1]).toEqual([operators]);
    for (const { spec } of of('ValidatingAdmissionPolicyBinding'))
      expect(JSON.stringify(spec)).toContain(
        '"key":"kubernetes.io/metadata.name","operator":"In","values":["one","two"]',
      );
  });

  test('the policies follow an overlay into another namespace by the replacement that config/default has', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'overlay-'));
    try {
      const base = load(await readFile(join(root, 'config/default/kustomization.yaml'), 'utf8')) as object;
      const { replacements } = base as { replacements: unknown };
      const resources = [relative(await realpath(folder), join(root, 'config/default'))];
      await writeFile(
        join(folder, 'kustomization.yaml'),
        dump({ resources, namespace: 'elsewhere', replacements }),
      );
      const text = await sharedCluster().kubectl(['kustomize', folder]);
      const account = '"system:serviceaccount:elsewhere:external-system-operator"';
      expect(text.split(`expression: '[${account}]'`)).toHaveLength(3);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('leaves out what its values say', async () => {
    const objects = await render(
      'crds.install=false',
      'rbac.create=false',
      'serviceAccount.create=false',
      'serviceAccount.name="mine"',
      'metrics.service=false',
      'store.sqlite.existingClaim="mine"',
      'admissionPolicy.enabled=false',
    );
    expect(objects.map(({ kind }) => kind)).toEqual(['Deployment']);
    expect(podOf(objects).serviceAccountName).toBe('mine');
    expect(podOf(objects).volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'mine' },
    });
  });

  test('takes an image by its digest rather than by a tag', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const image = `image={"repository":"registry.example.com/eso","tag":"1","digest":"${digest}"}`;
    expect(podOf(await render(image)).containers[0]?.image).toBe(`registry.example.com/eso@${digest}`);
  });

  test('with PostgreSQL has no volume of its own, a password only as a file, and a verified server', async () => {
    const objects = await render(
      'replicas=3',
      'store={"type":"postgresql","postgresql":{"url":"postgres://extsys@db.example.com/inventory","passwordSecret":{"name":"database"},"caConfigMap":{"name":"authority"}}}',
    );
    const pod = podOf(objects);
    expect(argsOf(objects)).toEqual(
      expect.arrayContaining([
        '--store=postgres://extsys@db.example.com/inventory?sslrootcert=/etc/postgresql-ca/ca.crt',
        '--store-password-file=/etc/postgresql/password',
      ]),
    );
    expect(pod.volumes.map(({ name }) => name)).toEqual(['tmp', 'postgresql-password', 'postgresql-ca']);
    expect(pod.containers[0]?.env.map(({ name }) => name)).toEqual(['POD_NAME', 'POD_UID']);
    expect(objects.some(({ kind }) => kind === 'PersistentVolumeClaim')).toBe(false);
    expect(one(objects, 'Deployment')['spec']).toMatchObject({
      replicas: 3,
      strategy: { type: 'RollingUpdate' },
    });
    expect(one(objects, 'PodDisruptionBudget')['spec']).toMatchObject({ maxUnavailable: 1 });
  });

  test('with SQLite replaces its pod only after the old one is gone', async () => {
    expect(one(await render(), 'Deployment')['spec']).toMatchObject({
      replicas: 1,
      strategy: { type: 'Recreate' },
    });
  });

  test('with a list of namespaces grants nothing for the whole cluster but to ask which it is', async () => {
    const objects = await render('watchNamespaces=["one","two"]');
    const wide = objects.filter(({ kind }) => kind === 'ClusterRole').map((role) => role['rules']);
    expect(wide).toEqual([
      [{ apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] }],
    ]);
    const roles = objects.filter(({ kind }) => kind === 'Role').map(({ metadata }) => metadata.namespace);
    expect(roles).toEqual(['one', 'two', 'external-system-operator']);
    expect(argsOf(objects)).toEqual(expect.arrayContaining(['--namespace=one', '--namespace=two']));
  });

  test('grants get on Secrets, and no rights that are not written out', async () => {
    const everywhere = await render('watchNamespaces=[]');
    const rules = everywhere
      .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
      .flatMap((role) => role['rules'] as { resources: string[]; verbs: string[]; apiGroups: string[] }[]);
    expect(rules.filter(({ resources }) => resources.includes('secrets')).map(({ verbs }) => verbs)).toEqual([
      ['get'],
    ]);
    expect(JSON.stringify(rules)).not.toContain('*');
  });

  test('renders a ServiceMonitor that selects the Service', async () => {
    const objects = await render('metrics.serviceMonitor={"enabled":true,"labels":{"team":"platform"}}');
    const { matchLabels } = (one(objects, 'ServiceMonitor')['spec'] as { selector: { matchLabels: object } })
      .selector;
    expect(one(objects, 'Service').metadata.labels).toMatchObject(matchLabels);
    expect(one(objects, 'ServiceMonitor').metadata.labels).toMatchObject({ team: 'platform' });
  });

  test('passes what pods are given through to them', async () => {
    const objects = await render(
      'nodeSelector={"disk":"ssd"}',
      'tolerations=[{"key":"only","operator":"Exists"}]',
      'affinity={"podAntiAffinity":{}}',
      'priorityClassName="high"',
      'podLabels={"team":"platform"}',
      'imagePullSecrets=[{"name":"pull"}]',
      'terminationGracePeriodSeconds=90',
      'operator={"extraArgs":["--allow-insecure-upstreams"],"extraEnv":[{"name":"HTTPS_PROXY","value":"http://proxy.example.com"}]}',
      'extraVolumes=[{"name":"authorities","configMap":{"name":"authorities"}}]',
      'extraVolumeMounts=[{"name":"authorities","mountPath":"/authorities"}]',
    );
    const pod = podOf(objects);
    expect(pod).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'only', operator: 'Exists' }],
      affinity: { podAntiAffinity: {} },
      priorityClassName: 'high',
      imagePullSecrets: [{ name: 'pull' }],
      terminationGracePeriodSeconds: 90,
    });
    expect(pod.containers[0]?.args).toContain('--allow-insecure-upstreams');
    expect(pod.containers[0]?.env).toContainEqual({
      name: 'HTTPS_PROXY',
      value: 'http://proxy.example.com',
    });
    expect(pod.containers[0]?.volumeMounts).toContainEqual({
      name: 'authorities',
      mountPath: '/authorities',
    });
    expect(one(objects, 'Deployment')['spec']).toMatchObject({
      template: { metadata: { labels: { team: 'platform' } } },
    });
  });

  test('makes pods that a namespace with the level restricted admits', async () => {
    const cluster = sharedCluster();
    const namespace = await freshNamespace();
    const level = 'pod-security.kubernetes.io/enforce=restricted';
    await cluster.kubectl(['label', 'namespace', namespace, level]);
    const admit = (spec: object) =>
      cluster.kubectl(['create', '--dry-run=server', '--namespace', namespace, '-f', '-'], {
        input: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod' }, spec }),
      });
    const pod = podOf(await render());
    await expect(admit(pod)).resolves.toContain('created');
    const loose = {
      ...pod,
      containers: pod.containers.map((container) => ({ ...container, securityContext: {} })),
    };
    await expect(admit(loose)).rejects.toThrow(/violates PodSecurity "restricted/u);
  });

  test('is accepted by the API server as a whole, and by helm lint', async () => {
    const cluster = sharedCluster();
    const flags = ['--kubeconfig', cluster.kubeconfigPath, '--namespace', await freshNamespace()];
    await expect(
      helm('install', 'whole', chart, ...flags, '--dry-run=server', '--set', 'crds.install=false'),
    ).resolves.toContain('kind: Deployment');
    await expect(helm('lint', '--strict', chart)).resolves.toContain('0 chart(s) failed');
  });
});

describe.skipIf(inject('helm')?.state === 'missing')('values that cannot be meant', () => {
  test.each<[string, RegExp]>([
    ['replica=2', /additional properties 'replica' not allowed/u],
    ['store.sqlite.sise="1Gi"', /additional properties 'sise' not allowed/u],
    ['store.type="mysql"', /\/store\/type.*must be one of 'sqlite', 'postgresql'/su],
    ['replicas=2', /replicas is 2: SQLite is a file of one process; set replicas to 1, or store\.type to/u],
    ['replicas="1"', /\/replicas.*got string, want integer/su],
    ['store.type="postgresql"', /store\.postgresql\.url is empty; set it to postgres:\/\/USER@HOST/u],
    ['store.postgresql.url="postgres://a@b/c"', /store\.type is sqlite; set store\.type to postgresql/u],
    [
      'store={"type":"postgresql","postgresql":{"url":"postgres://me@db/inventory?sslrootcert=/x","caConfigMap":{"name":"ca"}}}',
      /name two authorities; keep one/u,
    ],
    [
      'store={"type":"postgresql","postgresql":{"url":"postgres://me@db/inventory?sslmode=disable","caConfigMap":{"name":"ca"}}}',
      /caConfigMap verifies a server, and sslmode=disable .*; keep one/u,
    ],
    ['watchNamespaces=["Not A Name"]', /\/watchNamespaces\/0.*does not match pattern/su],
    ['watchNamespaces=["one","one"]', /\/watchNamespaces.*items at 0 and 1 are equal/su],
    ['image.digest="latest"', /\/image\/digest.*does not match pattern/su],
    ['operator.concurrentRuns=65', /\/operator\/concurrentRuns.*maximum: got 65, want 64/su],
    ['operator.logLevel="loud"', /\/operator\/logLevel.*must be one of/su],
    [
      'metrics={"service":false,"serviceMonitor":{"enabled":true}}',
      /metrics\.serviceMonitor\.enabled needs metrics\.service/u,
    ],
    [
      'operator.extraArgs=["--store=sqlite:/data/other.db"]',
      /operator\.extraArgs names the database a second time/u,
    ],
    [
      'operator.extraArgs=["--store-password-file","/x"]',
      /operator\.extraArgs names the database a second time/u,
    ],
  ])('%s is refused', async (value, message) => {
    await expect(render(value)).rejects.toThrow(message);
  });

  test.each([
    'postgres://me:hunter2@db.example.com/inventory',
    'postgres://me@db.example.com/inventory?password=hunter2',
    'postgres://me@db.example.com/inventory?sslmode=verify-full&password=hunter2',
    'postgres://me@db.example.com/inventory?sslmode=require',
    'postgres://db.example.com/inventory',
    'mysql://me@db.example.com/inventory',
  ])('the address %s is refused, told where a password belongs, and not quoted', async (url) => {
    const store = JSON.stringify({ type: 'postgresql', postgresql: { url } });
    await expect(render(`store=${store}`)).rejects.toThrow(
      /^(?!.*(?:hunter2|me@)).*store\.postgresql\.url is not of the form .*store\.postgresql\.passwordSecret/su,
    );
  });

  test.each([
    'postgresql://me@db.example.com:5432/inventory',
    'postgres://me@[::1]:5432/inventory?sslmode=disable',
    'postgres://me@db/inventory?sslmode=verify-ca&sslrootcert=/etc/ca.crt&options=-c%20search_path%3Dinventory',
  ])('the address %s is taken', async (url) => {
    const store = JSON.stringify({ type: 'postgresql', postgresql: { url } });
    expect(argsOf(await render(`store=${store}`))).toContain(`--store=${url}`);
  });

  test('every default is allowed, and every value that is allowed has a default', async () => {
    const schema = JSON.parse(await readFile(join(chart, 'values.schema.json'), 'utf8')) as Schema;
    const values = load(await readFile(join(chart, 'values.yaml'), 'utf8'));
    expect(pathsOf(schema).toSorted()).toEqual(valuePaths(values, schema).toSorted());
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Paths of the values that the schema closes: what lies in an open object is the user's. */
function pathsOf(schema: Schema, path = ''): string[] {
  if (schema.properties === undefined || path === '.resources') return [path];
  return Object.entries(schema.properties)
    .filter(([name]) => `${path}.${name}` !== '.global')
    .flatMap(([name, inner]) => pathsOf(inner, `${path}.${name}`));
}

function valuePaths(value: unknown, schema: Schema | undefined, path = ''): string[] {
  if (schema?.properties === undefined || path === '.resources') return [path];
  return Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([name, inner]) =>
    valuePaths(inner, schema.properties?.[name], `${path}.${name}`),
  );
}
