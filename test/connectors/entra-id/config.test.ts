// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { graphBase, graphScope, tokenEndpoint } from '../../../connectors/entra-id/clouds.ts';
import { entraId } from '../../../connectors/entra-id/index.ts';
import { schemaProblems } from '../../../src/api/schema-problems.ts';
import { specProblems } from '../../../src/api/validate.ts';

const tenantId = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';

describe('a configuration', () => {
  test.each([
    [{ tenantId }],
    [{ tenantId: tenantId.toUpperCase() }],
    [{ tenantId: 'example.onmicrosoft.com', cloud: 'China' }],
    [{ tenantId, streams: { managedDevices: false }, signInActivity: false }],
    [{ tenantId, graphUrl: 'https://graph.example.com', loginUrl: 'https://login.example.com/x' }],
  ])('%j is good', (config) => {
    expect(entraId.problem(config)).toBeUndefined();
  });

  test.each([
    [{}, ''],
    [{ tenantId: 'common' }, '.tenantId'],
    [{ tenantId: 'organizations' }, '.tenantId'],
    [{ tenantId: 'consumers' }, '.tenantId'],
    [{ tenantId: 'a/b.com' }, '.tenantId'],
    [{ tenantId: '../x.com' }, '.tenantId'],
    [{ tenantId, cloud: 'Germany' }, '.cloud'],
    [{ tenantId, graphUrl: 'https://user:secret@graph.example.com' }, '.graphUrl'],
    [{ tenantId, loginUrl: 'ftp://login.example.com' }, '.loginUrl'],
    [{ tenantId, streams: { roles: true } }, '.streams'],
    [{ tenantId, streams: { users: 'no' } }, '.streams.users'],
  ])('%j is refused at %j', (config, path) => {
    expect(entraId.problem(config)).toMatchObject({ path });
  });

  test.each([
    ['graphUrl', 'loginUrl'],
    ['loginUrl', 'graphUrl'],
  ])('%s without %s is refused', (given, missing) => {
    expect(() => entraId.origin({ tenantId, [given]: 'https://graph.example.com' })).toThrow(
      `spec.connector.entraId: ${missing} is missing; graphUrl and loginUrl go together, set both or neither`,
    );
  });

  const off = Object.fromEntries(
    [
      ...['users', 'groups', 'memberships', 'devices', 'managedDevices', 'ssoApplications'],
      'roleAssignments',
    ].map((name) => [name, false]),
  );
  const roles = [{ role: 'x', group: 'Payroll' }];
  const specOf = (streams: object, roleMappings?: readonly object[]) => ({
    connector: { entraId: { tenantId, streams } },
    auth: { type: 'OAuth2', secretRef: { name: 'login' } },
    ...(roleMappings === undefined ? {} : { roleMappings }),
  });

  test.each([
    ['every part is switched off', specOf(off)],
    ['every part is, whatever roles are mapped', specOf(off, roles)],
    ['only roles are left, and none is mapped', specOf({ ...off, roleAssignments: true })],
    ['only roles are left by default, and none is mapped', specOf({ ...off, roleAssignments: undefined })],
  ])('that reads nothing is refused: %s', (_, spec) => {
    const path = 'spec.connector.entraId.streams';
    expect(specProblems(spec, [entraId], () => undefined)).toEqual([
      { path, message: expect.stringMatching(/^leaves nothing to read; .*suspend: true/u) as string },
    ]);
  });

  test.each([
    ['one part is left', specOf({ ...off, devices: true })],
    ['roles are mapped', specOf({ ...off, roleAssignments: true }, roles)],
  ])('that reads little is good: %s', (_, spec) => {
    expect(specProblems(spec, [entraId], () => undefined)).toEqual([]);
  });

  test.each(['common', 'organizations', 'my tenant'])(
    'says what to use instead of the tenant %s',
    (tenant) => {
      const problems = schemaProblems(entraId.config, { tenantId: tenant }, 'spec.connector.entraId', 'x');
      expect(problems).toEqual([
        {
          path: 'spec.connector.entraId.tenantId',
          message: expect.stringMatching(
            /^"[\w ]+" is no tenant; use its id \(a GUID\) or one of its/u,
          ) as string,
        },
      ]);
    },
  );

  test.each(['entra-id.yaml', 'entra-id-certificate.yaml'])('the sample %s is good', (file) => {
    const text = readFileSync(join(import.meta.dirname, '../../../config/samples', file), 'utf8');
    const documents = loadAll(text) as { spec?: { connector?: { entraId?: unknown } } }[];
    const config = documents.find(({ spec }) => spec !== undefined)?.spec?.connector?.entraId;
    expect(config).toBeDefined();
    expect(entraId.problem(config)).toBeUndefined();
  });
});

describe('the addresses of a cloud', () => {
  test.each([
    [{}, 'https://graph.microsoft.com', 'https://login.microsoftonline.com'],
    [{ cloud: 'USGovernment' }, 'https://graph.microsoft.us', 'https://login.microsoftonline.us'],
    [{ cloud: 'USGovernmentDoD' }, 'https://dod-graph.microsoft.us', 'https://login.microsoftonline.us'],
    [
      { cloud: 'China' },
      'https://microsoftgraph.chinacloudapi.cn',
      'https://login.partner.microsoftonline.cn',
    ],
  ] as const)('%j', (config, graph, login) => {
    const whole = { tenantId, ...config };
    expect(graphBase(whole).href).toBe(`${graph}/v1.0/`);
    expect(tokenEndpoint(whole).href).toBe(`${login}/${tenantId}/oauth2/v2.0/token`);
    expect(graphScope(whole)).toBe(`${graph}/.default`);
  });

  test('are others where the configuration names some', () => {
    const config = {
      tenantId,
      graphUrl: 'https://graph.example.com/base',
      loginUrl: 'https://login.example.com/',
    };
    expect(graphBase(config).href).toBe('https://graph.example.com/base/v1.0/');
    expect(tokenEndpoint(config).href).toBe(`https://login.example.com/${tenantId}/oauth2/v2.0/token`);
    expect(graphScope(config)).toBe('https://graph.example.com/.default');
  });
});
