// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, test } from 'vitest';
import { storeContract } from '../contract/store-contract.ts';
import { debianPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { openPostgres } from '../kit/postgres/store-under-test.ts';

const programs = debianPostgres('15');

/** The oldest version that is supported; .ci/run installs it. */
describe('on PostgreSQL 15', () => {
  if (programs === undefined) {
    test('the contract of a store is kept', ({ skip }) => {
      const missing = 'no PostgreSQL 15 of Debian (apt-get install postgresql-15, as root)';
      if (process.env['CI'] === 'true') throw new Error(missing);
      skip(missing);
    });
    return;
  }
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(programs);
  }, 60_000);
  afterAll(() => server.stop());
  storeContract('PostgreSQL 15', () => openPostgres(server));
});
