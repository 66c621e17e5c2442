// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FenceLost } from '../../src/store/port.ts';
import type { ConnectionSettings } from '../../src/store/postgres/connection-settings.ts';
import { postgresStore } from '../../src/store/postgres/index.ts';
import { claimOf, deleteAll, ended, endOf, full, page, pass, record } from '../contract/contract-bench.ts';
import { storeContract } from '../contract/store-contract.ts';
import { certificate } from '../kit/certificate.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { openPostgres, settingsFor, type PostgresUnderTest } from '../kit/postgres/store-under-test.ts';
import { waitFor } from '../kit/wait.ts';

const root = certificate('a root', { authority: true });
const shown = certificate('the database', { issuer: root });

let server: PostgresServer;
beforeAll(async () => {
  const key = shown.key.export({ type: 'pkcs8', format: 'pem' }).toString();
  server = await startPostgres(await embeddedPostgres(), { tls: { cert: shown.cert, key } });
}, 60_000);
afterAll(() => server.stop());

const open = (): Promise<PostgresUnderTest> => openPostgres(server);

storeContract('PostgreSQL', open);

/** A database for the time of one test. */
async function withDatabase(work: (tested: PostgresUnderTest) => Promise<void>): Promise<void> {
  const tested = await open();
  try {
    await work(tested);
  } finally {
    await tested.close();
  }
}

describe('several processes on one database', () => {
  it('stand in one line for a system, also between the look at the fence and the end of the write', () =>
    withDatabase(async ({ store, settings, query }) => {
      const hold = await store.claim(claimOf('run-1'));
      const { id } = await store.beginPass(hold, pass);
      const writer = new Client(settings);
      await writer.connect();
      await writer.query('BEGIN');
      await writer.query("SELECT 1 FROM systems WHERE system = 'inventory/cmdb' FOR UPDATE");
      const claimed = store.claim(claimOf('run-2', { worker: 'worker-2' }));
      await waitFor('the claim to wait for the lock', async () => {
        const [row] = await query(
          "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        );
        return row?.['n'] === '1';
      });
      await writer.query('COMMIT');
      await writer.end();
      await claimed;
      await expect(store.writePage(hold, page(id, [record('late')]))).rejects.toThrow(FenceLost);
    }));

  it('write and claim at the same time without ever both having the system', () =>
    withDatabase(async ({ store, second, query }) => {
      const other = await second();
      for (let round = 0; round < 20; round += 1) {
        const hold = await store.claim(claimOf(`run-${round}`));
        const { id } = await store.beginPass(hold, { ...pass, fullSince: new Date(8.64e15) });
        const pages = Array.from({ length: 4 }, (_, index) =>
          store.writePage(hold, page(id, [record(`${round}-${index}`)])).then(
            () => true,
            (error: unknown) => {
              expect(error).toBeInstanceOf(FenceLost);
              return false;
            },
          ),
        );
        const taker = other.claim(claimOf(`taker-${round}`, { worker: 'worker-2' }));
        const written = (await Promise.all(pages)).filter(Boolean).length;
        await taker;
        const [row] = await query(`SELECT count(*) AS n FROM groups WHERE external_id LIKE '${round}-%'`);
        expect(Number(row?.['n'])).toBe(written);
        await expect(store.writePage(hold, page(id, [record('late')]))).rejects.toThrow(FenceLost);
      }
      await other.close();
    }));

  it('bind a database to one installation, of several that come at once', () =>
    withDatabase(async ({ second, query }) => {
      const names = ['cluster-a', 'cluster-b', 'cluster-c', 'cluster-d'];
      const stores = await Promise.all(names.map(() => second()));
      const bound = await Promise.allSettled(stores.map((store, index) => store.bind(names[index] ?? '')));
      await Promise.all(stores.map((store) => store.close()));
      expect(bound.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const [row] = await query("SELECT value FROM meta WHERE key = 'installation'");
      expect(bound[names.indexOf(String(row?.['value']))]?.status).toBe('fulfilled');
    }));

  it('that open a new database at once all get the whole schema', async () => {
    const schema = `test_${randomUUID().replaceAll('-', '')}`;
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`CREATE SCHEMA ${schema}`);
    const settings = settingsFor(server, schema);
    const stores = Array.from({ length: 5 }, () => postgresStore(settings));
    await Promise.all(stores.map((store) => store.open()));
    await Promise.all(stores.map((store) => store.ping()));
    await Promise.all(stores.map((store) => store.close()));
    await admin.query(`DROP SCHEMA ${schema} CASCADE`);
    await admin.end();
  });
});

describe('opening a database', () => {
  it('refuses migrations of another program', () =>
    withDatabase(async ({ second, change }) => {
      await change("UPDATE migrations SET checksum = 'other' WHERE number = 2");
      await expect(second()).rejects.toThrow('migration 0002_records.sql is not the one of this version');
    }));

  it('by TLS checks who is at the other end', async () => {
    const settings = { port: server.port, database: 'postgres', user: 'postgres', host: 'localhost' };
    const opening = async (ssl: ConnectionSettings['ssl'], host = 'localhost') => {
      const options = `-c search_path=tls_${randomUUID().slice(0, 8)}`;
      const client = postgresStore({ ...settings, host, options, ...(ssl === undefined ? {} : { ssl }) });
      try {
        await client.open();
      } finally {
        await client.close();
      }
    };
    // The schema does not exist: whoever gets so far has logged in.
    const loggedIn = /no schema has been selected to create in/u;
    await expect(opening({ rejectUnauthorized: true, ca: root.cert })).rejects.toThrow(loggedIn);
    await expect(opening({ rejectUnauthorized: true })).rejects.toThrow(/unable to verify|self-signed/u);
    await expect(opening({ rejectUnauthorized: true, ca: root.cert }, '127.0.0.1')).rejects.toThrow(
      /does not match certificate|altnames/u,
    );
  });

  it('that is not there fails soon, with the address', async () => {
    const store = postgresStore({ host: '127.0.0.1', port: 9, database: 'postgres', user: 'postgres' });
    await expect(store.open()).rejects.toThrow(/ECONNREFUSED 127\.0\.0\.1:9/u);
    await expect(store.ping()).rejects.toThrow('is not open');
  });
});

it('a first load is closed soon, although the database knows no sizes of its tables yet', () =>
  withDatabase(async ({ store }) => {
    const hold = await store.claim(claimOf('run-1'));
    const { id } = await store.beginPass(hold, pass);
    // To look up each of these among all others takes minutes.
    for (let first = 0; first < 40_000; first += 5_000) {
      const records = Array.from({ length: 5_000 }, (_, index) => record(`id-${first + index}`));
      await store.writePage(hold, page(id, records));
    }
    await store.endScope(hold, full(id));
    await store.endPass(hold, ended(id), deleteAll);
    expect((await store.progress('run-1'))[0]?.tally).toMatchObject({ created: 40_000, deleted: 0 });
  }));

it('a connection that breaks is replaced, and its transaction undone', () =>
  withDatabase(async ({ store, query }) => {
    const hold = await store.claim(claimOf('run-1'));
    const broken = store.finish(hold, () => {
      throw new Error('the process dies here');
    });
    await expect(broken).rejects.toThrow('the process dies here');
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'external-system-operator'",
    );
    const archived = await waitFor('a new connection', () => store.finish(hold, endOf('1')));
    expect(archived.phase).toBe('Succeeded');
  }));

it('keeps an archived run from every hand', () =>
  withDatabase(async ({ store, query }) => {
    await store.finishUnclaimed(claimOf('run-1'), endOf('1'));
    for (const sql of [
      "UPDATE runs SET json = '{}'",
      'UPDATE runs SET mode = upper(mode)',
      "UPDATE runs SET started_at = '2020-01-01'",
      'DELETE FROM runs',
      'TRUNCATE runs',
    ]) {
      await expect(query(sql), sql).rejects.toThrow(/an archived run cannot be (?:changed|deleted)/u);
    }
    await query('UPDATE runs SET pruned = 1');
  }));
