// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { connectors } from '../../../connectors/index.ts';
import { serviceNowCmdb } from '../../../connectors/servicenow-cmdb/index.ts';
import { plant } from './plant.ts';
import { open } from './reading.ts';

const url = 'https://example.service-now.com';

describe('configuration of serviceNowCmdb', () => {
  test('is in the list of connectors under the name of its member', () => {
    expect(connectors.map(({ id }) => id)).toContain('serviceNowCmdb');
  });

  test.each([
    { url, classes: ['cmdb_ci_server'] },
    { url: 'http://localhost:8080/instance/', classes: ['cmdb_ci'], relationships: false, users: true },
    { url, classes: ['cmdb_ci'], query: 'duplicate_ofISEMPTY', statusField: 'operational_status' },
  ])('%j is valid', (config) => {
    expect(serviceNowCmdb.problem(config)).toBeUndefined();
  });

  test.each([
    [{ url, classes: [] }, '.classes'],
    [{ url, classes: ['cmdb_ci', 'cmdb^ci'] }, '.classes[1]'],
    [{ url: 'ftp://example.com', classes: ['cmdb_ci'] }, '.url'],
    [{ url: 'https://user:secret@example.com', classes: ['cmdb_ci'] }, '.url'],
    [{ url, classes: ['cmdb_ci'], statusField: 'state' }, '.statusField'],
    [{ url, classes: ['cmdb_ci'], user: true }, ''],
    [{ classes: ['cmdb_ci'] }, ''],
    ['text', ''],
    [undefined, ''],
  ])('%j is refused at %s', (config, path) => {
    const problem = serviceNowCmdb.problem(config);
    expect(problem?.path).toBe(path);
    expect(problem?.reason).not.toContain('secret');
  });

  test('an unknown field is named', () => {
    expect(serviceNowCmdb.problem({ url, classes: ['cmdb_ci'], user: true })?.reason).toBe(
      'unknown field user',
    );
  });

  test('gives the URL that is contacted', () => {
    expect(serviceNowCmdb.origin({ url, classes: ['cmdb_ci'] }).href).toBe(`${url}/`);
    const behindPath = { url: `${url}/a`, classes: ['cmdb_ci'] };
    expect(serviceNowCmdb.origin(behindPath).href).toBe(`${url}/a/`);
    expect(() => serviceNowCmdb.origin({ url })).toThrow('spec.connector.serviceNowCmdb');
  });

  test('the fingerprint changes with the configuration, the source does not', async () => {
    await using planted = await plant();
    await using one = await open(planted.url);
    await using same = await open(planted.url);
    await using other = await open(planted.url, { config: { users: true } });
    expect(one.connection.fingerprint).toMatch(/^[0-9a-f]{64}$/u);
    expect(same.connection.fingerprint).toBe(one.connection.fingerprint);
    expect(other.connection.fingerprint).not.toBe(one.connection.fingerprint);
    expect(other.connection.source).toBe(one.connection.source);
  });
});
