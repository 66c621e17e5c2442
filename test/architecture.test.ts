// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const product = [...sources('src'), ...sources('connectors')];
const everything = [...product, ...sources('test'), ...sources('scripts')];

interface Import {
  readonly from: string;
  readonly to: string;
  /** A package's name, or a path in the project. */
  readonly kind: 'package' | 'file';
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|import\('([^']+)'\)/gu),
  ].map((match) => {
    const target = match[1] ?? match[2] ?? '';
    if (!target.startsWith('.')) return { from: file, to: target, kind: 'package' };
    return { from: file, to: relative(root, resolve(root, dirname(file), target)), kind: 'file' };
  });
}

/** Which layers a layer may use besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'src/api': [],
  'src/inventory': [],
  'src/telemetry': [],
  'src/connector': ['src/api', 'src/inventory'],
  connectors: ['src/connector', 'src/api', 'src/inventory'],
  'src/store': ['src/inventory', 'src/api'],
  'src/sync': ['src/connector', 'src/store', 'src/api', 'src/inventory'],
  'src/operator': ['src/sync', 'src/store', 'src/connector', 'src/api', 'src/inventory', 'src/telemetry'],
  'src/cli': [
    'src/operator',
    'src/sync',
    'src/store',
    'src/connector',
    'src/api',
    'src/inventory',
    'src/telemetry',
    'connectors',
  ],
};

function layerOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  return first === 'src' && second.includes('.') ? 'src' : first === 'src' ? `src/${second}` : first;
}

describe('import arrows', () => {
  test.each(Object.entries(arrows))('%s uses only what lies below it', (layer, allowed) => {
    const wrong = product
      .filter((file) => layerOf(file) === layer)
      .flatMap(importsOf)
      .filter(({ kind, to }) => kind === 'file' && layerOf(to) !== layer && !allowed.includes(layerOf(to)))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  test('every folder of the product has its place in the table', () => {
    const layers = new Set(product.map(layerOf));
    layers.delete('src');
    expect([...layers].filter((layer) => !(layer in arrows))).toEqual([]);
  });

  test('the product imports nothing from test/ or scripts/', () => {
    const wrong = product
      .flatMap(importsOf)
      .filter(({ to, kind }) => kind === 'file' && /^(test|scripts)\//u.test(to));
    expect(wrong).toEqual([]);
  });

  test('only src/operator imports Kubernetes packages', () => {
    const wrong = product
      .flatMap(importsOf)
      .filter(({ to, from }) => /^(@kubernetes|@dot-i)\//u.test(to) && layerOf(from) !== 'src/operator');
    expect(wrong).toEqual([]);
  });

  test('one connector does not import another', () => {
    const folder = (file: string) => file.split('/')[1] ?? '';
    const wrong = product
      .filter((file) => file.startsWith('connectors/') && file !== 'connectors/index.ts')
      .flatMap(importsOf)
      .filter(
        ({ from, to, kind }) =>
          kind === 'file' && to.startsWith('connectors/') && folder(from) !== folder(to),
      );
    expect(wrong).toEqual([]);
  });

  test('the inventory is pure: no I/O', () => {
    const wrong = product
      .filter((file) => file.startsWith('src/inventory/') || file.startsWith('src/api/'))
      .flatMap(importsOf)
      .filter(({ to }) => /^node:(fs|net|http|https|dns|child_process|sqlite|timers)/u.test(to));
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  test('say their licence first', () => {
    const wrong = everything.filter(
      (file) =>
        !readFileSync(join(root, file), 'utf8').startsWith('// SPDX-License-Identifier: Apache-2.0\n'),
    );
    expect(wrong).toEqual([]);
  });

  test('have at most 400 lines', () => {
    const wrong = everything.filter(
      (file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401,
    );
    expect(wrong).toEqual([]);
  });

  test('have names that say what is in them', () => {
    const wrong = everything.filter((file) =>
      /(^|\/)(utils?|helpers?|common|misc|manager|processor)\.ts$/iu.test(file),
    );
    expect(wrong).toEqual([]);
  });

  test('leave nothing for later', () => {
    const later = new RegExp(['TO', 'DO|FIX', 'ME|X', 'XX|@ts-', 'ignore'].join(''), 'u');
    const wrong = everything.filter((file) => later.test(readFileSync(join(root, file), 'utf8')));
    expect(wrong).toEqual([]);
  });

  test('have no enum and no parameter properties', () => {
    const wrong = everything.filter((file) =>
      /\n(export )?(const )?enum /u.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(wrong).toEqual([]);
  });
});

describe('connector folders', () => {
  const folders = readdirSync(join(root, 'connectors'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  test.each(folders.map(({ name }) => name))(
    '%s has its entry, wire schemas, runbook, tests and a place in the list',
    (name) => {
      for (const file of ['index.ts', 'wire.ts', 'README.md']) {
        expect(existsSync(join(root, 'connectors', name, file)), file).toBe(true);
      }
      expect(existsSync(join(root, 'test/connectors', name))).toBe(true);
      expect(existsSync(join(root, 'config/samples', `${name}.yaml`))).toBe(true);
      expect(readFileSync(join(root, 'connectors/index.ts'), 'utf8')).toContain(`./${name}/index.ts`);
    },
  );
});

test('the lockfile holds no deprecated request package and no registry address', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"node_modules/request"');
  expect(lock).not.toMatch(/"resolved": "https?:/u);
});
