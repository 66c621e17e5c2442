// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { authTypes } from '../../../src/api/external-system.ts';
import { externalSystemKind } from '../../../src/api/group.ts';
import { problemsOf } from '../../../src/cli/known.ts';
import { loginProblems } from '../../../src/cli/local-system.ts';
import { readManifests, type Manifest } from '../../../src/cli/manifests.ts';
import type { Connector } from '../../../src/connector/contract.ts';
import { unbounded, withDefault } from '../../kit/manifests.ts';

const root = new URL('../../../', import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** What a runbook has a chapter on, in this order: somebody looks there by these words. */
const chapters = [
  /^(?:Set up|Register|Grant|Create) /u,
  /^What is read$/u,
  /^Limits$/u,
  /^Failures(?: and what to do)?$/u,
];
/** A runbook says of each what it looks like with this vendor. */
const codes = ['credentials', 'permission', 'configuration', 'unavailable', 'contract'];

/** What a connector declares and what must lie beside it; nothing is started. */
export function testDeclaration(connector: Connector): void {
  const { id, folder } = connector;

  describe(`${id} declares`, () => {
    test('a name, a kind and a version', () => {
      expect(id).toMatch(/^[a-z][A-Za-z0-9]{1,39}$/u);
      expect(folder).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/u);
      expect(folder.replaceAll('-', ''), 'the folder has the name of the connector').toBe(id.toLowerCase());
      expect(connector.title).toMatch(/^\S.{2,60}$/u);
      expect(connector.version).toBeGreaterThanOrEqual(1);
    });

    test('streams with names of their own, and the rights that each needs, in words', () => {
      const names = connector.streams.map(({ name }) => name);
      expect(names.length).toBeGreaterThan(0);
      expect(new Set(names).size).toBe(names.length);
      for (const { name, needs } of connector.streams) {
        expect(name).toMatch(/^[a-z][A-Za-z]{1,39}$/u);
        expect(needs.length, `needs of ${name}`).toBeGreaterThan(0);
        for (const need of needs) expect(need, `what ${name} needs`).toMatch(/^\S.{3,118}[^\s.]$/u);
      }
    });

    test('a configuration that is bounded, described, closed and without defaults', () => {
      const config = connector.config as unknown as Record<string, unknown>;
      expect(unbounded(config, '').map((path) => `spec.connector.${id}${path}`)).toEqual([]);
      expect(withDefault(config)).toEqual([]);
      expect(config['additionalProperties'], 'unknown fields are refused').toBe(false);
      expect(config['description']).toMatch(/\w{3}.*\.$/u);
      expect(connector.problem({ noSuchField: 1 })?.reason).toContain('noSuchField');
    });

    test('how it logs in, and what the keys of the Secret are for', () => {
      expect(connector.auth.length).toBeGreaterThan(0);
      for (const type of connector.auth) expect(authTypes).toContain(type);
      for (const [type, keys] of Object.entries(connector.moreKeys)) {
        expect(connector.auth, 'moreKeys').toContain(type);
        for (const [key, { description }] of Object.entries(keys))
          expect(description, key).toMatch(/\w+ \w+/u);
      }
    });
  });

  describe(`beside ${id}`, () => {
    test('lies a runbook: rights, what is read, failures and what to do', () => {
      const runbook = read(`connectors/${folder}/README.md`);
      const found = chaptersOf(runbook);
      const titles = Object.keys(found);
      const places = chapters.map((chapter) => titles.findIndex((title) => chapter.test(title)));
      expect(places, `${String(chapters)} in ${titles.join(', ')}`).toEqual(
        places.filter((place) => place > 0).toSorted((one, other) => one - other),
      );
      const [, reading = '', , failures = ''] = places.map((place) => found[titles[place] ?? '']);
      for (const { name } of connector.streams) expect(reading, `stream ${name}`).toContain(`\`${name}\``);
      for (const code of codes) expect(failures, `failure ${code}`).toContain(`\`${code}\``);
      for (const type of connector.auth) expect(runbook, `auth.type ${type}`).toContain(type);
    });

    test('lies a sample that can be applied: it validates, names the connector, and has the keys of its login', async () => {
      const file = `config/samples/${folder}.yaml`;
      const manifests = await readManifests('-', Readable.from([read(file)]));
      const systems = manifests.filter(({ kind }) => kind === externalSystemKind);
      expect(systems.length, 'ExternalSystems').toBeGreaterThan(0);
      for (const manifest of manifests) expect(problemsOf(manifest), manifest.metadata.name).toEqual([]);
      for (const secret of manifests.filter(({ kind }) => kind === 'Secret'))
        expect(loginProblems(manifests, secret, new Date()), secret.metadata.name).toEqual([]);
      for (const one of systems) expect(blockOf(one), one.metadata.name).toHaveProperty(id);
      expect(read('config/samples/kustomization.yaml')).toContain(`- ${folder}.yaml`);
    });

    test('lie its tests, and docs/connectors.md leads to its runbook', () => {
      expect(existsSync(new URL(`test/connectors/${folder}`, root))).toBe(true);
      expect(read('docs/connectors.md')).toContain(`[\`${id}\`](../connectors/${folder}/README.md)`);
    });
  });
}

/** The text of each chapter by its title. */
function chaptersOf(markdown: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    markdown.split(/^## /mu).map((chapter) => {
      const [title = '', ...rest] = chapter.split('\n');
      return [title, rest.join('\n')];
    }),
  );
}

function blockOf({ spec }: Manifest): object {
  return (spec as { connector: object }).connector;
}
