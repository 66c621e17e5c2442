// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { specProblems, validateManifest } from '../../src/api/validate.ts';
import { run } from '../kit/manifests.ts';

const fake = {
  id: 'fake',
  title: 'Fake',
  config: Type.Object({}),
  auth: ['None'],
  roleSources: [],
  mappingProblems: () => [],
} as const;
const valid = { connector: { fake: {} }, auth: { type: 'None' } };

describe('the schema of a spec', () => {
  test('is built and compiled once for a list of connectors, not at every look at a system', () => {
    const connectors = [fake];
    expect(specProblems(valid, connectors, () => undefined)).toEqual([]);
    const startedMs = performance.now();
    for (let look = 0; look < 500; look += 1) specProblems(valid, connectors, () => undefined);
    // Compiling takes some ms each time; a check some µs.
    expect(performance.now() - startedMs).toBeLessThan(200);
  });

  test('is that of the list that is given', () => {
    expect(specProblems(valid, [{ ...fake, id: 'other' }], () => undefined)).not.toEqual([]);
    expect(specProblems(valid, [fake], () => undefined)).toEqual([]);
  });
});

describe('role mappings', () => {
  const roles = { ...fake, roleSources: ['group', 'directoryRole'] } as const;
  const told = (...roleMappings: readonly unknown[]) =>
    specProblems({ ...valid, roleMappings }, [roles], () => undefined).map(
      ({ path, message }) => `${path}: ${message}`,
    );

  test('are told all that is wrong with them at once, each once', () => {
    expect(told({ role: '', group: '' }, { role: 'x' }, { group: 'a', directoryRole: 'b' })).toEqual([
      'spec.roleMappings[0].role: is empty; give a text',
      'spec.roleMappings[0].group: is empty; give a text',
      'spec.roleMappings[2]: role is missing',
      'spec.roleMappings[1]: gives no group and no directoryRole; give one of them',
      'spec.roleMappings[2]: gives group and directoryRole; give one of them alone',
    ]);
  });

  test.each([
    ['no list', 'x'],
    ['a list of what is no object', ['x', null, 3, ['group']]],
    ['nothing', null],
  ])('that are %s are told as such, and nothing more', (_, roleMappings) => {
    const problems = specProblems({ ...valid, roleMappings }, [roles], () => undefined);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.filter(({ message }) => message.startsWith('gives'))).toEqual([]);
  });
});

test('a time of the wrong form is told with a right one, once, and by the name of its kind', () => {
  const problems = (overrides: object) =>
    validateManifest(
      run('one', overrides) as Parameters<typeof validateManifest>[0],
      [fake],
      () => undefined,
    );
  expect(problems({ scheduledTime: '2026-03-01T00:00:00+01:00' })).toEqual(
    expect.arrayContaining([
      {
        path: 'spec.scheduledTime',
        message:
          '"2026-03-01T00:00:00+01:00" is no time of the right form; use UTC and whole seconds, such as 2026-03-01T00:00:00Z',
      },
    ]),
  );
  expect(problems({ correlationId: 'a b' })[0]?.message).toContain(
    'kubectl explain syncrun.spec.correlationId',
  );
});
