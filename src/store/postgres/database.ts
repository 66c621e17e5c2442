// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, type PoolClient } from 'pg';
import type { Row, Sql, SqlValue } from '../sql/sql.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { numbered } from './numbered.ts';
import { RecordCopy } from './record-copy.ts';

/**
 * Each wait has an end: a statement that hangs, a lock that is not given, a client that stopped in the middle of a transaction (the server
 * then frees what it held), an answer that does not come.
 */
const statementTimeoutMs = 300_000;
const session = `SET statement_timeout = ${statementTimeoutMs}; SET lock_timeout = 60000;
  SET idle_in_transaction_session_timeout = 30000; SET timezone = 'UTC'`;

/** The server undid the transaction for another one's sake: serialization failure, deadlock. */
const undone: ReadonlySet<unknown> = new Set(['40001', '40P01']);
const maxAttempts = 5;

/** A pool of connections to one database. Transactions of different systems run beside each other. */
export class Database {
  private readonly pool: Pool;
  private readonly copies = new WeakMap<PoolClient, RecordCopy>();
  private readonly sockets = new Set<Socket>();
  private loggedIn = false;
  private closed: Promise<void> | undefined;

  constructor(settings: ConnectionSettings, onError: (error: Error) => void) {
    this.pool = new Pool({
      ...settings,
      max: 10,
      connectionTimeoutMillis: 15_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      query_timeout: statementTimeoutMs + 10_000,
      application_name: 'external-system-operator',
      stream: () => this.socket(),
    });
    // A connection that breaks is replaced. Without a listener it would end the process: idle, or between two statements.
    this.pool.on('error', onError);
    this.pool.on('connect', (client) => {
      this.loggedIn = true;
      client.on('error', onError);
    });
  }

  /** Rolls back on any error; a transaction that the server undid is tried again. */
  readonly transaction = <T>(work: (sql: Sql) => Promise<T>): Promise<T> => this.repeated('BEGIN', work);

  readonly read = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    this.repeated('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work);

  close(): Promise<void> {
    // The pool does not end a client that was refused, or that waits for the server still: the server would, after a minute.
    if (!this.loggedIn) for (const socket of this.sockets) socket.destroy();
    this.closed ??= this.pool.end();
    return this.closed;
  }

  private socket(): Socket {
    const socket = new Socket();
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }

  private async repeated<T>(begin: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(begin, work);
      } catch (error) {
        const again = error instanceof Error && 'code' in error && undone.has(error.code);
        if (!again || attempt >= maxAttempts) throw error;
        await delay(Math.random() * 20 * 2 ** attempt);
      }
    }
  }

  private async once<T>(begin: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      const copy = await this.prepared(client);
      await client.query(begin);
      const result = await work(statementsOf(client, copy));
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // A connection that cannot even roll back is of no more use.
      await client.query('ROLLBACK').catch((reason: Error) => (broken = reason));
      throw error;
    } finally {
      client.release(broken);
    }
  }

  private async prepared(client: PoolClient): Promise<RecordCopy> {
    const known = this.copies.get(client);
    if (known !== undefined) return known;
    await client.query(session);
    await this.noticeDeadClient(client);
    const made = new RecordCopy(client);
    this.copies.set(client, made);
    return made;
  }

  /** Else the statement of a process that was killed goes on, and holds its system, until its time is over. */
  private async noticeDeadClient(client: PoolClient): Promise<void> {
    await client.query('SET client_connection_check_interval = 5000').catch((error: unknown) => {
      // A server on a platform that cannot tell (Windows) takes only 0.
      const cannot = error instanceof Error && 'code' in error && error.code === '22023';
      if (!cannot) throw error;
    });
  }
}

function statementsOf(client: PoolClient, copy: RecordCopy): Sql {
  const query = (statement: string, values: readonly SqlValue[]) =>
    client.query<Row>({ ...numbered(statement), values: [...values] });
  return {
    forUpdate: ' FOR UPDATE',
    textsOfJson: 'json_array_elements_text(CAST(? AS json)) AS texts (value)',
    jsonItem: (column, index) => `(CAST(${column} AS json) ->> ${index})`,
    tableNamed: "SELECT 1 FROM pg_class WHERE oid = to_regclass(?) AND relkind IN ('r', 'p')",
    // As an array, the planner need not guess how many there are; a guess led it to read the whole table for each page.
    amongTexts: '= ANY (ARRAY(SELECT json_array_elements_text(CAST(? AS json))))',
    run: async (statement, ...values) => (await query(statement, values)).rowCount ?? 0,
    get: async (statement, ...values) => (await query(statement, values)).rows[0],
    all: async (statement, ...values) => (await query(statement, values)).rows,
    script: async (statements) => void (await client.query(statements)),
    expectLargeJoins: async () => void (await client.query('SET LOCAL enable_nestloop = off')),
    putRecords: (table, rows) => copy.put(table, rows),
  };
}
