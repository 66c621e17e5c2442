// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connectors } from '../../connectors/index.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { parseDemoOptions } from './options.ts';
import { demoSystems } from './systems/index.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

async function demo(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, out, err };
}

test('every connector has a demo', () => {
  expect(demoSystems.map(({ id }) => id).toSorted()).toEqual(connectors.map(({ id }) => id).toSorted());
});

test.each(demoSystems.map(({ id }) => id))(
  'the demo of %s without a cluster reads every stream of the sample, and shows some of it',
  { timeout: 120_000 },
  async (id) => {
    const { code, out, err } = await demo(
      '--connector',
      id,
      '--no-cluster',
      '--output',
      'json',
      '--size',
      '30',
    );
    expect(code, err).toBe(0);
    const { status } = JSON.parse(out) as SyncRun;
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { failed: 0 } });
    expect(status?.streams?.length).toBeGreaterThan(3);
    for (const stream of status?.streams ?? []) expect(stream, stream.name).toMatchObject({ complete: true });
    expect(err, 'rows of the database').toMatch(/^ {2}\S.* \| /mu);
  },
);

test('a connector that has no demo is refused with those that have one', async () => {
  const { code, err } = await demo('--connector', 'noSuch', '--no-cluster');
  expect(code).toBe(2);
  expect(err).toContain(
    `demo: --connector noSuch: there is no demo of that; use ${demoSystems.map(({ id }) => id).join(', ')}\n`,
  );
});

test('what is read and how much of it is what the flags say, or the default of the system', () => {
  const [first] = demoSystems;
  expect(parseDemoOptions([])).toMatchObject({ system: first, size: first.defaultSize });
  expect(parseDemoOptions(['--servers', '7'])).toMatchObject({ system: first, size: 7 });
  expect(parseDemoOptions(['--connector', 'entraId', '--size', '9'])).toMatchObject({
    system: { id: 'entraId' },
    size: 9,
  });
  expect(() => parseDemoOptions(['--size', '1', '--servers', '1'])).toThrow(
    'give --size or --servers, not both',
  );
});
