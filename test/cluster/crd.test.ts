// SPDX-License-Identifier: Apache-2.0
import { dump } from 'js-yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import { problemsOf } from '../../src/cli/known.ts';
import type { Manifest } from '../../src/cli/manifests.ts';
import { applyCrds, freshNamespace, sharedCluster } from '../kit/control-plane/shared.ts';
import { run as runManifest, system } from '../kit/manifests.ts';

let namespace: string;
beforeAll(async () => {
  await applyCrds();
  namespace = await freshNamespace();
});

function kubectl(...args: string[]): Promise<string> {
  return sharedCluster().kubectl(['--namespace', namespace, ...args]);
}

async function create(manifest: object): Promise<string> {
  return sharedCluster().kubectl(['--namespace', namespace, 'create', '--validate=strict', '-f', '-'], {
    input: dump(manifest),
  });
}

async function patchStatus(name: string, status: object | null): Promise<string> {
  return kubectl(
    'patch',
    'syncrun',
    name,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  );
}

const badCron =
  /spec\.schedule\.cron\[0\]: Invalid value: "[^"]*": is no cron expression of five fields \(minute, hour, [^)]*\); use /u;

const badTimes = [
  '2026-03-01T00:00:00+01:00',
  '2026-03-01T00:00:00.000Z',
  '2026-03-01t00:00:00z',
  '2026-03-01T24:00:00Z',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '2026-03-01',
  `2026-03-01T00:00:00.${'0'.repeat(300_000)}Z`,
];

describe('the API server refuses', () => {
  test.each<[string, object, RegExp]>([
    [
      'two connector members',
      system('two', { connector: { serviceNowCmdb: block(), other: {} } }),
      /other|at most 1/u,
    ],
    ['no connector member', system('none', { connector: {} }), /at least 1 properties/u],
    ['a bad cron', system('cron', { schedule: { cron: ['61 * * * *'] } }), badCron],
    ['a cron of six fields', system('six', { schedule: { cron: ['0 0 * * * *'] } }), badCron],
    ['a bad duration', system('duration', { schedule: { every: 'soon' } }), /spec\.schedule\.every/u],
    ['too short an interval', system('short', { schedule: { every: '30s' } }), /must be a duration from 1m/u],
    [
      'every and cron together',
      system('both', { schedule: { every: '1h', cron: ['0 * * * *'] } }),
      /every or cron, not both/u,
    ],
    ['an unknown field', system('unknown', { shedule: {} }), /unknown field "spec\.shedule"/u],
    ['a missing secretRef', system('secret', { auth: { type: 'Basic' } }), /secretRef is required/u],
    ['an unknown auth type', system('auth', { auth: { type: 'Magic' } }), /Unsupported value: "Magic"/u],
    [
      'a mapped value that is no text',
      system('number', { mapping: { cis: { cpuCount: { constant: 4 } } } }),
      /spec\.mapping\.cis\.cpuCount\.constant/u,
    ],
    [
      'an expression beside a constant',
      system('both', { mapping: { cis: { name: { constant: 'x', expression: 'row.u_name' } } } }),
      /spec\.mapping\[cis\]\[name\]: Invalid value: has constant and more; give constant alone/u,
    ],
    [
      'an expression that is too long',
      system('long', { mapping: { cis: { name: { expression: 'x'.repeat(1025) } } } }),
      /spec\.mapping\.cis\.name\.expression: Too long/u,
    ],
    [
      'an unknown word in a mapping',
      system('word', { mapping: { cis: { name: { form: 'u_name' } } } }),
      /unknown field "spec\.mapping\.cis\.name\.form"/u,
    ],
    [
      'too many mapped fields',
      system('many', {
        mapping: {
          cis: Object.fromEntries(
            Array.from({ length: 65 }, (_, index) => [`attributes.a${index}`, { constant: 'x' }]),
          ),
        },
      }),
      /spec\.mapping\.cis: Too many: 65: must have at most 64 items|at most 64/u,
    ],
    ['a name of more than 63 characters', system('n'.repeat(64)), /at most 63 characters/u],
    ['an unknown run mode', runManifest('mode', { mode: 'Sideways' }), /Unsupported value: "Sideways"/u],
    ['a correlation id that is no header', runManifest('id', { correlationId: 'a b' }), /correlationId/u],
    ...badTimes.map<[string, object, RegExp]>((scheduledTime) => [
      `the time ${scheduledTime.slice(0, 30)}`,
      runManifest('time', { scheduledTime }),
      /scheduledTime/u,
    ]),
  ])('%s, and so does the offline validation', async (_, manifest, message) => {
    await expect(create(manifest)).rejects.toThrow(message);
    expect(problemsOf(manifest as Manifest)).not.toEqual([]);
  });

  test('a changed spec of a run', async () => {
    await create(runManifest('frozen'));
    const patch = JSON.stringify({ spec: { mode: 'Full' } });
    await expect(kubectl('patch', 'syncrun', 'frozen', '--type=merge', '-p', patch)).rejects.toThrow(
      /spec of a SyncRun cannot be changed/u,
    );
  });

  test('a status with a time that no rule could read, since its object could never be changed again', async () => {
    await create(runManifest('times', { scheduledTime: '2028-02-29T23:59:59Z' }));
    for (const startTime of ['2026-03-01T00:00:00.5Z', '2026-03-01T00:00:60Z', '']) {
      await expect(patchStatus('times', { phase: 'Running', startTime })).rejects.toThrow(/startTime/u);
    }
    await patchStatus('times', { phase: 'Running', attempt: 1, startTime: '2026-03-01T00:00:00Z' });
    await patchStatus('times', { phase: 'Failed' });
    await kubectl('annotate', 'syncrun', 'times', 'example.com/note=still-changeable');
  });

  test('a changed or erased status of a run that has ended, and nothing before', async () => {
    await create(runManifest('ended'));
    await patchStatus('ended', { phase: 'Running', attempt: 1 });
    await expect(patchStatus('ended', { attempt: 0 })).rejects.toThrow(/attempt only grows/u);
    await patchStatus('ended', { phase: 'Succeeded', attempt: 2 });
    for (const status of [{ phase: 'Failed' }, { attempt: 3 }, null]) {
      await expect(patchStatus('ended', status)).rejects.toThrow(/cannot be changed or erased/u);
    }
    expect(await kubectl('get', 'syncrun', 'ended', '-o', 'jsonpath={.status.phase}')).toBe('Succeeded');
  });
});

describe('what users see', () => {
  test('a good system is taken, offline too, and is not ready before it was looked at', async () => {
    const good = system('good');
    expect(problemsOf(good as Manifest)).toEqual([]);
    await create(good);
    expect(await kubectl('get', 'xsys', 'good', '-o', 'jsonpath={.status.observedGeneration}')).toBe('-1');
  });

  test('a mapping is kept as it was written, a path and a list of paths alike', async () => {
    const cis = {
      name: { from: 'u_name' },
      status: { from: ['u_state', 'attributes.x'], values: { 117: 'retired' }, default: 'unknown' },
    };
    const mapped = system('mapped', { mapping: { cis } });
    expect(problemsOf(mapped as Manifest)).toEqual([]);
    await create(mapped);
    const kept = await kubectl('get', 'xsys', 'mapped', '-o', 'jsonpath={.spec.mapping.cis}');
    expect(JSON.parse(kept)).toEqual(cis);
  });

  test('columns, short names and the category', async () => {
    await create(system('columns'));
    expect(await kubectl('get', 'xsys')).toMatch(
      /NAME\s+READY\s+REASON\s+LAST RUN\s+LAST SUCCESS\s+NEXT RUN\s+AGE/u,
    );
    await create(runManifest('columns'));
    expect(await kubectl('get', 'run')).toMatch(/NAME\s+SYSTEM\s+MODE\s+PHASE\s+FETCHED/u);
    const all = await kubectl('get', 'integrations');
    expect(all).toContain('externalsystem.integrations.buildworks.ai/columns');
    expect(all).toContain('syncrun.integrations.buildworks.ai/columns');
  });

  test('runs can be selected by system and by phase', async () => {
    await create(runManifest('selected', { systemRef: { name: 'some-other' } }));
    const byName = await kubectl(
      'get',
      'run',
      '--field-selector=spec.systemRef.name=some-other',
      '-o',
      'name',
    );
    expect(byName.trim()).toBe('syncrun.integrations.buildworks.ai/selected');
    await patchStatus('selected', { phase: 'Skipped' });
    const open = await kubectl('get', 'run', '--field-selector=status.phase!=Skipped', '-o', 'name');
    expect(open).not.toContain('/selected');
  });

  test('kubectl explain teaches', async () => {
    expect(await kubectl('explain', 'externalsystem.spec.schedule.every')).toContain('default 15m');
    expect(await kubectl('explain', 'syncrun.status.failure.audience')).toContain('Who must act');
  });
});

function block() {
  return { url: 'https://example.service-now.com', classes: ['cmdb_ci_server'] };
}
