// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Stored = Readonly<Record<string, unknown>>;

export interface Asked {
  /** Empty when the address is none of the Table API. */
  readonly table: string;
  readonly address: string;
  readonly query: string;
  readonly fields: readonly string[] | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly params: URLSearchParams;
}

export type Answer = (response: ServerResponse) => void;

/**
 * A small ServiceNow over real HTTP whose every move a test decides: tables in memory, encoded queries, counts before row
 * access, and a hook that may answer in its place. The emulator in test/simulators is the big, realistic one.
 */
export class Instance {
  readonly asked: Asked[] = [];
  readonly tables = new Map<string, Stored[]>();
  /** Name of the class above, by class; tables of classes give the rows of those below. */
  readonly parents = new Map<string, string>();
  /** Rows that the account may not see: counted, not given. */
  hidden: (row: Stored, table: string) => boolean = () => false;
  /** Answers in place of the instance, or changes it, before a request is worked on. */
  before: (asked: Asked, count: number) => Answer | undefined = () => undefined;
  /** After the rows of an answer were chosen. */
  after: (asked: Asked) => void = () => undefined;
  /** Conditions that the instance does not obey, as a real one does with what it does not know. */
  ignores: (condition: string) => boolean = () => false;
  /** The form of a text by which the instance orders. */
  collate: (text: string) => string = (text) => text;
  /** False sends all fields, whatever was asked for. */
  obeysFields = true;
  counting = true;
  now = new Date('2026-03-01T12:00:30Z');
  maxPage = 100_000;
  /** Path below which the instance lives, without a slash at the end. */
  path = '';
  login = { username: 'reader', password: 'secret-of-reader' };
  private readonly server = createServer((request, response) => {
    this.serve(request, response);
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Adds a class with its own columns to the tree and the dictionary. */
  addClass(name: string, parent: string | undefined, columns: Readonly<Record<string, string>>): void {
    if (parent !== undefined) this.parents.set(name, parent);
    this.put('sys_db_object', {
      sys_id: idOf(name),
      name,
      label: `Class ${name}`,
      super_class: parent === undefined ? '' : idOf(parent),
    });
    for (const [element, internalType] of Object.entries(columns)) {
      this.put('sys_dictionary', {
        sys_id: idOf(`${name}.${element}`),
        name,
        element,
        internal_type: internalType,
      });
    }
  }

  put(table: string, ...rows: Stored[]): void {
    this.tables.set(table, [...(this.tables.get(table) ?? []), ...rows]);
  }

  /** Puts configuration items, each into the table of its class. */
  putItems(...rows: Stored[]): void {
    for (const row of rows) this.put(String(row['sys_class_name']), row);
  }

  rowsOf(table: string): Stored[] {
    const below = [...this.parents].filter(([, parent]) => parent === table).map(([name]) => name);
    return [...(this.tables.get(table) ?? []), ...below.flatMap((name) => this.rowsOf(name))];
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://instance');
    const below = url.pathname.startsWith(this.path) ? url.pathname.slice(this.path.length) : '';
    const table = /^\/api\/now\/table\/(\w+)$/u.exec(below)?.[1] ?? '';
    const params = url.searchParams;
    const asked: Asked = {
      table,
      address: request.url ?? '',
      query: params.get('sysparm_query') ?? '',
      fields: params.get('sysparm_fields')?.split(','),
      limit: Number(params.get('sysparm_limit') ?? 10_000),
      offset: Number(params.get('sysparm_offset') ?? 0),
      params,
    };
    this.asked.push(asked);
    response.setHeader('date', this.now.toUTCString());
    const instead = this.before(asked, this.asked.length);
    if (instead !== undefined) return instead(response);
    const { username, password } = this.login;
    const login = Buffer.from(`${username}:${password}`).toString('base64');
    if (request.headers.authorization !== `Basic ${login}`) {
      return refuse(401, 'User Not Authenticated')(response);
    }
    if (table === '') return refuse(404, 'no such resource')(response);
    if (!this.tables.has(table) && !this.parents.has(table))
      return refuse(400, `Invalid table ${table}`)(response);
    const matching = this.rowsOf(table).filter((row) => matches(row, asked.query, this));
    matching.sort((one, other) => (String(one['sys_id']) < String(other['sys_id']) ? -1 : 1));
    const limit = Math.min(asked.limit, this.maxPage);
    const window = matching.slice(asked.offset, asked.offset + limit);
    const given = window.filter((row) => !this.hidden(row, table));
    this.after(asked);
    const headers: Record<string, string> = { 'content-type': 'application/json;charset=UTF-8' };
    if (this.counting) headers['x-total-count'] = String(matching.length);
    response.writeHead(200, headers);
    const fields = this.obeysFields ? asked.fields : undefined;
    response.end(JSON.stringify({ result: given.map((row) => shown(row, fields, asked.params)) }));
  }
}

function idOf(name: string): string {
  return hash('sha256', name, 'hex').slice(0, 32);
}

export function refuse(status: number, message: string, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ error: { message, detail: '' }, status: 'failure' }));
  };
}

export function send(body: string, type = 'application/json', status = 200): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': type });
    response.end(body);
  };
}

/** An answer of rows with a count of its own. */
export function page(rows: readonly Stored[], total: number): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-total-count': String(total) });
    response.end(JSON.stringify({ result: rows }));
  };
}

function matches(row: Stored, query: string, { ignores, collate }: Instance): boolean {
  let all = true;
  let group: boolean | undefined;
  for (const part of query.split('^')) {
    if (part === '' || part.startsWith('ORDERBY')) continue;
    const or = /^OR(?=[a-z])/u.test(part);
    const condition = or ? part.slice(2) : part;
    const holds = ignores(condition) || holdsFor(row, condition, collate);
    if (or) group = group === true || holds;
    else {
      all = all && group !== false;
      group = holds;
    }
  }
  return all && group !== false;
}

function holdsFor(row: Stored, condition: string, collate: (text: string) => string): boolean {
  const found = /^([a-z0-9_.]+)(NOT IN|IN|ISNOTEMPTY|ISEMPTY|>=|<=|!=|=|>|<)(.*)$/u.exec(condition);
  if (found === null) throw new Error(`the test instance does not know the condition ${condition}`);
  const [, field = '', operator = '', operand = ''] = found;
  const value = storedOf(row[field]);
  const list = operand.split(',');
  const verdicts: Record<string, boolean> = {
    'NOT IN': !list.includes(value),
    IN: list.includes(value),
    ISNOTEMPTY: value !== '',
    ISEMPTY: value === '',
    '>=': collate(value) >= collate(operand),
    '<=': collate(value) <= collate(operand),
    '!=': value !== operand,
    '=': value === operand,
    '>': collate(value) > collate(operand),
    '<': collate(value) < collate(operand),
  };
  return verdicts[operator] ?? false;
}

function storedOf(cell: unknown): string {
  const value: unknown = typeof cell === 'object' && cell !== null && 'value' in cell ? cell.value : cell;
  return typeof value === 'string' ? value : '';
}

function shown(
  row: Stored,
  fields: readonly string[] | undefined,
  params: URLSearchParams,
): Record<string, unknown> {
  const labels = params.get('sysparm_display_value') === 'all';
  const shownFields = (fields ?? Object.keys(row)).filter((field) => Object.hasOwn(row, field));
  return Object.fromEntries(
    shownFields.map((field) => {
      const cell = row[field];
      if (labels && typeof cell === 'string') return [field, { value: cell, display_value: cell }];
      if (!labels && typeof cell === 'object') return [field, storedOf(cell)];
      return [field, cell];
    }),
  );
}
