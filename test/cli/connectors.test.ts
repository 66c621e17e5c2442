// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/index.ts';
import { connectorsCommand } from '../../src/cli/connectors.ts';
import { InputError } from '../../src/cli/manifests.ts';
import type { ConnectorFacts } from '../../src/connector/facts.ts';
import { call } from './cli-bench.ts';

describe('extsys connectors', () => {
  test('has a line for each stream of each connector: what is read, what can be done, what it needs', async () => {
    const { out, code } = await call(connectorsCommand, []);
    expect(code).toBe(0);
    const [heading, ...lines] = out.trimEnd().split('\n');
    expect(heading).toMatch(/^CONNECTOR +STREAM +RECORD +INCREMENTAL +MAPPED +PROBED +NEEDS$/u);
    const yesNo = (value: boolean) => (value ? 'yes' : 'no');
    expect(lines.map((line) => line.trimEnd().split(/ {2,}/u))).toEqual(
      connectors.flatMap(({ id, streams }) =>
        streams.map(({ name, record, incremental, mapped, probed, needs }) => [
          ...[id, name, record, yesNo(incremental), yesNo(mapped), yesNo(probed), needs.join(', ')],
        ]),
      ),
    );
    expect(out).toMatch(/^serviceNowCmdb +memberships +Membership +yes +yes +no +read sys_user_grmember$/mu);
    expect(out).toMatch(/^serviceNowCmdb +users +User +yes +yes +yes +read sys_user$/mu);
  });

  test.each([
    ['json', (text: string): unknown => JSON.parse(text)],
    ['yaml', (text: string): unknown => load(text)],
  ] as const)('-o %s gives the same of all, with logins and fields', async (form, parse) => {
    const { out } = await call(connectorsCommand, ['-o', form]);
    const all = parse(out) as ConnectorFacts[];
    expect(all.map(({ id }) => id)).toEqual(connectors.map(({ id }) => id));
    expect(all.find(({ id }) => id === 'serviceNowCmdb')).toMatchObject({
      title: 'ServiceNow CMDB',
      runbook: 'connectors/servicenow-cmdb/README.md',
      auth: [
        {
          type: 'Basic',
          keys: [
            { key: 'username', required: true },
            { key: 'password', required: true },
          ],
        },
        {
          type: 'OAuth2',
          keys: [
            { key: 'clientId', required: true },
            { key: 'clientSecret', required: true },
            { key: 'username', required: false, description: expect.stringContaining('password grant') },
            { key: 'password', required: false },
          ],
        },
      ],
      config: expect.arrayContaining([
        expect.objectContaining({
          path: 'classes',
          required: true,
          type: 'list of string, up to 80, at most 32',
        }),
        expect.objectContaining({ path: 'query', required: false, type: 'string, up to 1024' }),
      ]),
    });
  });

  test('ID shows one in full: rights, keys, fields, runbook', async () => {
    const { out } = await call(connectorsCommand, ['serviceNowCmdb']);
    expect(out).toMatch(/^RUNBOOK +connectors\/servicenow-cmdb\/README\.md$/mu);
    expect(out).toMatch(/^OAuth2 +clientSecret +yes$/mu);
    expect(out).toMatch(
      /^spec\.connector\.serviceNowCmdb\.relationships +boolean +no +True reads the relations .*\.$/mu,
    );
    expect(JSON.parse((await call(connectorsCommand, ['serviceNowCmdb', '-o', 'json'])).out)).toMatchObject({
      id: 'serviceNowCmdb',
    });
  });

  test('names a runbook and a sample that are there', async () => {
    const all = JSON.parse((await call(connectorsCommand, ['-o', 'json'])).out) as ConnectorFacts[];
    for (const { runbook, sample } of all)
      for (const path of [runbook, sample]) expect(existsSync(path), path).toBe(true);
  });

  test('an ID that there is not is refused with those that there are', async () => {
    await expect(call(connectorsCommand, ['servicenow'])).rejects.toThrow(
      new InputError(
        `servicenow: there is no such connector; use one of ${connectors.map(({ id }) => id).join(', ')}`,
      ),
    );
    await expect(call(connectorsCommand, ['serviceNowCmdb', 'more'])).rejects.toThrow('more: give one ID');
  });
});
