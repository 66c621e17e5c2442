// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { AddressError, connectionSettings } from '../../src/store/postgres/connection-settings.ts';

const files: Readonly<Record<string, string>> = {
  '/ca.crt': 'PEM of a CA',
  '/password': 'of-the-file\n',
  '/empty': '\n',
};
const settings = (address: string, given: { env?: Record<string, string>; passwordFile?: string } = {}) =>
  connectionSettings(address, {
    env: given.env ?? {},
    readFile: (path) => {
      const content = files[path];
      if (content === undefined) throw new Error(`ENOENT ${path}`);
      return content;
    },
    passwordFile: given.passwordFile,
  });

describe('the address of a database', () => {
  test('names host, port, database and user', () => {
    expect(settings('postgres://ex%40tsys@db.example.com:6432/inv%20entory')).toMatchObject({
      host: 'db.example.com',
      port: 6432,
      database: 'inv entory',
      user: 'ex@tsys',
    });
    expect(settings('postgresql://extsys@[::1]/inventory')).toMatchObject({ host: '::1', port: 5432 });
  });

  test.each<[string, RegExp]>([
    ['postgres://', /is no URL|names no host/u],
    ['postgres://extsys@db.example.com', /names no host or no database/u],
    ['postgres://db.example.com/inventory', /names no user/u],
    [
      'postgres://extsys@db.example.com/inventory?ssl=true',
      /unknown parameter ssl; use sslmode, sslrootcert/u,
    ],
    [
      'postgres://extsys@db.example.com/inventory?sslmode=require',
      /sslmode require, which does not say who is at the other end; use verify-full, verify-ca, disable/u,
    ],
  ])('%s is refused', (address, message) => {
    expect(() => settings(address)).toThrow(AddressError);
    expect(() => settings(address)).toThrow(message);
  });

  test('the server is verified unless it is on this machine, or nobody wants that', () => {
    const ssl = (query: string, host = 'db.example.com') => settings(`postgres://u@${host}/d${query}`).ssl;
    expect(ssl('')).toEqual({ rejectUnauthorized: true });
    expect(ssl('?sslrootcert=/ca.crt')).toEqual({ rejectUnauthorized: true, ca: 'PEM of a CA' });
    expect(ssl('?sslmode=verify-ca&sslrootcert=/ca.crt')).toMatchObject({
      rejectUnauthorized: true,
      ca: 'PEM of a CA',
      checkServerIdentity: expect.any(Function),
    });
    expect(ssl('?sslmode=disable')).toBeUndefined();
    for (const host of ['localhost', '127.0.0.1', '[::1]']) expect(ssl('', host)).toBeUndefined();
    expect(ssl('?sslrootcert=/ca.crt', 'localhost')).toEqual({ rejectUnauthorized: true, ca: 'PEM of a CA' });
    expect(() => ssl('?sslrootcert=/missing.crt', 'localhost')).toThrow('ENOENT /missing.crt');
    expect(() => ssl('?sslmode=disable&sslrootcert=/ca.crt')).toThrow(/sslmode disable.*keep one/u);
    expect(ssl('?sslmode=verify-full', 'localhost')).toEqual({ rejectUnauthorized: true });
    expect(() => ssl('?sslrootcert=/missing.crt')).toThrow('ENOENT /missing.crt');
  });

  test('the password comes from a file, else the environment, else the address', () => {
    const address = 'postgres://u:of%2Fthe-address@localhost/d';
    expect(settings(address).password).toBe('of/the-address');
    expect(settings(address, { env: { PGPASSWORD: 'of-the-env' } }).password).toBe('of-the-env');
    const both = { env: { PGPASSWORD: 'of-the-env' }, passwordFile: '/password' };
    expect(settings(address, both).password).toBe('of-the-file');
    expect(() => settings(address, { passwordFile: '/empty' })).toThrow(
      /the password in \/empty, which is empty/u,
    );
    expect(settings('postgres://u@localhost/d').password).toBeUndefined();
  });
});
