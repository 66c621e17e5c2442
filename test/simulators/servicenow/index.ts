// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { knowsPath, walkedCell, type Targets } from './dot-walk.ts';
import { buildEstate, type Estate, type EstateSize } from './estate.ts';
import { Faults } from '../faults.ts';
import { refuse, type Asked } from './faults.ts';
import { Login, type LoginOptions } from './login.ts';
import { fits, parseQuery } from './query.ts';
import { classField } from './recorded-items.ts';
import { readRecording } from './recording.ts';
import { generatedId, isOdd, valueOf, type Cell, type Change, type Row, type Table } from './rows.ts';

export interface ServiceNowOptions extends LoginOptions {
  /** The same seed and counts give the same data. */
  readonly seed: number;
  readonly counts: EstateSize;
  /** A file of recorded answers; its tables instead of generated ones. */
  readonly rows?: string;
  readonly port?: number;
  readonly now?: () => Date;
  /** How far the clock that the Date header tells is ahead. */
  readonly clockSkewMs?: number;
  /** Time zone of the account: how far the labels of times are ahead of UTC. */
  readonly zoneMinutes?: number;
  /** Reads times in queries in that zone too, as no instance should. */
  readonly queriesInZone?: boolean;
}

export interface Request extends Asked {
  readonly status: number;
}

/** A ServiceNow over real HTTP: Table API, counts, row access, Basic and OAuth, faults on demand. */
export class ServiceNow {
  readonly faults = new Faults<Asked>();
  readonly requests: Request[] = [];
  readonly login: Login;
  /** Rows that the account may not see: counted, not given. */
  hidden: ((table: string, row: (field: string) => string) => boolean) | undefined;
  /** Tables that answer 403. */
  readonly forbidden = new Set<string>();
  readonly estate: Estate;
  private readonly now: () => Date;
  private readonly skewMs: number;
  private readonly zoneMinutes: number;
  private readonly queriesInZone: boolean;
  private deletions = 0;
  private readonly server = createServer((request, response) => {
    this.serve(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });

  constructor(options: ServiceNowOptions) {
    this.now = options.now ?? (() => new Date());
    this.skewMs = options.clockSkewMs ?? 0;
    this.zoneMinutes = options.zoneMinutes ?? 0;
    this.queriesInZone = options.queriesInZone ?? false;
    this.login = new Login(options, this.now);
    this.estate =
      options.rows === undefined ? buildEstate(options.seed, options.counts) : readRecording(options.rows);
  }

  async listen(port: number): Promise<string> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  insert(table: string, row: Row, at: Date = this.now()): void {
    this.tableOf(table).insert({ sys_created_on: stored(at), sys_updated_on: stored(at), ...row });
  }

  /** Changes fields of a row and, as a real edit does, the time of its last change. */
  update(table: string, id: string, patch: Row, at: Date = this.now()): void {
    this.tableOf(table).update(id, { sys_updated_on: stored(at), ...patch });
  }

  /** Changes or takes away generated rows by a rule; leaves no line in sys_audit_delete. */
  changeAll(table: string, change: (index: number) => Change): void {
    this.tableOf(table).changeAll(change);
  }

  /** Deletes a row and leaves a line in sys_audit_delete. */
  remove(table: string, id: string, at: Date = this.now()): void {
    this.removeUnaudited(table, id);
    this.deletions += 1;
    const line = { sys_id: generatedId('0f', this.deletions), tablename: table, documentkey: id };
    this.insert('sys_audit_delete', line, at);
  }

  /** Deletes a row of a table that is left out of the audit, or as a table cleaner does. */
  removeUnaudited(table: string, id: string): void {
    this.tableOf(table).remove(id);
  }

  /** The sys_id of the n-th row of a generated table. */
  static id(prefix: '0c' | '1a' | '1b' | '1c' | '1d', index: number): string {
    return generatedId(prefix, index);
  }

  /** All classes stand in one table, as their common parent shows them. */
  tableOf(name: string): Table {
    const { tables } = this.estate;
    const found = tables.get(this.estate.isClass(name) ? 'cmdb_ci' : name);
    if (found === undefined) throw new Error(`the emulator has no table ${name}`);
    return found;
  }

  /** What may not be read is not shown by a reference either. */
  private readonly targets: Targets = (field) => {
    const name = this.estate.targetOf?.(field);
    return name === undefined || this.forbidden.has(name) ? undefined : this.tableOf(name);
  };

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://emulator');
    const [, version, table = '', id] = tablePath.exec(url.pathname) ?? [];
    const asked: Asked = {
      method: request.method ?? 'GET',
      table,
      path: url.pathname,
      params: url.searchParams,
      headers: request.headers,
    };
    response.once('close', () => this.requests.push({ ...asked, status: response.statusCode }));
    response.setHeader('date', new Date(this.now().getTime() + this.skewMs).toUTCString());
    const fault = this.faults.for(asked);
    if (fault !== undefined) return fault(response);
    if (url.pathname === '/oauth_token.do') {
      return this.login.grant(request.headers['content-type'], await text(request))(response);
    }
    if (!this.login.accepts(request.headers.authorization)) {
      const challenge = { 'www-authenticate': 'Basic realm="Service-now"' };
      return refuse(401, 'User Not Authenticated', challenge)(response);
    }
    const stats = /^\/api\/now\/stats\/(\w+)$/u.exec(url.pathname)?.[1];
    if (stats !== undefined) return this.answerCount(response, stats, url.searchParams);
    if (table === '') return refuse(404, 'no such resource')(response);
    if (!this.estate.tables.has(table) && !this.estate.isClass(table)) {
      return refuse(400, `Invalid table ${table}`)(response);
    }
    if (this.forbidden.has(table)) return refuse(403, 'Insufficient rights to query records')(response);
    if (id !== undefined) return this.answerOne(response, asked, id);
    return this.answerList(response, asked, version === 'v1/');
  }

  private answerCount(response: ServerResponse, table: string, params: URLSearchParams): void {
    const { positions } = this.select(table, params.get('sysparm_query') ?? '');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ result: { stats: { count: String(positions.length) } } }));
  }

  private answerList(response: ServerResponse, asked: Asked, emptyIs404: boolean): void {
    const { table: name, params } = asked;
    const shown = this.select(name, params.get('sysparm_query') ?? '');
    const { positions } = shown;
    const limit = Number(params.get('sysparm_limit') ?? 10_000);
    const offset = Number(params.get('sysparm_offset') ?? 0);
    const window = positions.slice(offset, offset + limit);
    const given = window.filter((position) => !this.hides(name, shown.table, position));
    const headers: Record<string, string> = { 'content-type': 'application/json;charset=UTF-8' };
    if (params.get('sysparm_no_count') !== 'true') headers['x-total-count'] = String(positions.length);
    if (given.length === 0 && emptyIs404) return refuse(404, 'No Record found', headers)(response);
    response.writeHead(200, headers);
    response.end(JSON.stringify({ result: given.map(rowsOf(shown, params, this.zoneMinutes)) }));
  }

  /** One record by its sys_id; a hidden one looks as if it did not exist. */
  private answerOne(response: ServerResponse, { table: name, params }: Asked, id: string): void {
    const shown = this.select(name, '');
    const { table, positions } = shown;
    const position = positions[table.countUpTo(positions, id, false)];
    if (position === undefined || table.id(position) !== id || this.hides(name, table, position)) {
      return refuse(404, 'No Record found')(response);
    }
    response.writeHead(200, { 'content-type': 'application/json;charset=UTF-8' });
    response.end(JSON.stringify({ result: rowsOf(shown, params, this.zoneMinutes)(position) }));
  }

  private hides(name: string, table: Table, position: number): boolean {
    return this.hidden?.(name, (field) => valueOf(table.cell(position, field))) === true;
  }

  /** The rows of a table or class for which a query holds, in its order. */
  private select(name: string, text: string): Shown {
    const query = parseQuery(this.queriesInZone ? shiftTimes(text, -this.zoneMinutes) : text);
    const table = this.tableOf(name);
    const isClass = this.estate.isClass(name);
    const below = isClass ? this.estate.classesBelow(name) : undefined;
    const columns = (isClass ? this.estate.columnsOf(name) : undefined) ?? new Set(table.fields);
    const own = (field: string) => columns.has(field) && field !== classField;
    const { targets } = this;
    const knows = (field: string) => own(field) || (field.includes('.') && knowsPath(field, own, targets));
    const cell = (position: number, field: string) =>
      own(field) || !field.includes('.')
        ? table.cell(position, field)
        : walkedCell(table, position, field, targets);
    const all = table.matching(`${name} ${query.key}`, (position) => {
      const value = (field: string) => valueOf(cell(position, field));
      const className = below === undefined ? '' : value('sys_class_name') || value(classField);
      return (below === undefined || below.has(className)) && fits(query, knows, value);
    });
    const known = query.among === undefined ? all : table.withIds(all, query.among);
    const from = query.after === undefined ? 0 : table.countUpTo(known, query.after, true);
    const to = query.upTo === undefined ? known.length : table.countUpTo(known, query.upTo, true);
    const positions = from === 0 && to === known.length ? known : known.slice(from, to);
    return { table, knows, cell, positions: query.descending ? positions.toReversed() : positions };
  }
}

const tablePath = /^\/api\/now\/(v\d+\/)?table\/(\w+)(?:\/([^/]+))?\/?$/u;

interface Shown {
  readonly table: Table;
  /** Whether the table has a column of that name. */
  readonly knows: (field: string) => boolean;
  /** Of a row, also of those that its references lead to. */
  readonly cell: (position: number, field: string) => Cell | undefined;
  readonly positions: readonly number[];
}

/** Gives rows with the fields and in the shape that were asked for. */
function rowsOf(
  { table, knows, cell: cellAt }: Shown,
  params: URLSearchParams,
  zoneMinutes: number,
): (position: number) => Record<string, unknown> {
  const asked = params.get('sysparm_fields')?.split(',');
  const fields = (asked ?? table.fields).filter((field) => knows(field));
  const show = shapeOf(params, zoneMinutes);
  return (position) => {
    const row: Record<string, unknown> = {};
    for (const field of fields) {
      const cell = cellAt(position, field);
      if (cell !== undefined) row[field] = show(cell);
    }
    return row;
  };
}

/** The shapes of values that sysparm_display_value and sysparm_exclude_reference_link ask for. */
function shapeOf(params: URLSearchParams, zoneMinutes: number): (cell: Cell) => unknown {
  const shape = params.get('sysparm_display_value');
  return (cell) => {
    if (typeof cell !== 'string' && isOdd(cell)) return cell.odd;
    const label = typeof cell === 'string' ? shiftTimes(cell, zoneMinutes) : cell.display_value;
    if (shape === 'true') return label ?? '';
    if (shape !== 'all') return valueOf(cell);
    return typeof cell === 'string' ? { display_value: label, value: cell } : cell;
  };
}

/** A text with all its times so many minutes later. */
function shiftTimes(text: string, minutes: number): string {
  if (minutes === 0) return text;
  return text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/gu, (time) =>
    stored(new Date(Date.parse(`${time.replace(' ', 'T')}Z`) + minutes * 60_000)),
  );
}

/** Times as the vendor stores them: UTC, to the second. */
function stored(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

export async function startServiceNow(
  options: ServiceNowOptions,
): Promise<ServiceNow & { readonly url: string }> {
  const instance = new ServiceNow(options);
  const url = await instance.listen(options.port ?? 0);
  return Object.assign(instance, { url });
}
