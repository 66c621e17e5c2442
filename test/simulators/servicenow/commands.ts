// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { CommandError, found, throttleCommand, type Command } from '../control.ts';
import { isForRows, tooManyRequests } from './faults.ts';
import type { ServiceNow } from './index.ts';
import { valueOf, type Row } from './rows.ts';

/** Where `find` looks. */
const searched = ['cmdb_ci', 'sys_user', 'sys_user_group'];
const nameFields = ['name', 'user_name'];

/** What can be done to an instance by hand: the functions that tests use. */
export function serviceNowCommands(instance: ServiceNow): readonly Command[] {
  return [...rowCommands(instance), ...accessCommands(instance)];
}

function rowCommands(instance: ServiceNow): Command[] {
  return [
    {
      name: 'find',
      takes: 'TEXT',
      does: 'items, users and groups with the text in their name, with their sys_id',
      run: (text) => {
        const wanted = text.toLowerCase();
        const rows = searched.flatMap((table) =>
          rowsWhere(instance, table, (name) => name.toLowerCase().includes(wanted)).map(
            ({ id, name }) => `${table} ${name} (${id})`,
          ),
        );
        return found(text, rows);
      },
    },
    {
      name: 'add',
      takes: 'TABLE FIELD=VALUE…',
      does: 'a row; in a class of configuration items it gets that class',
      run: (table, ...fields) => {
        checkTable(instance, table);
        const sysId = randomUUID().replaceAll('-', '');
        const ofClass = instance.estate.isClass(table) ? { sys_class_name: table } : {};
        instance.insert(table, { sys_id: sysId, ...ofClass, ...rowOf(fields) });
        return `added ${table} ${sysId}`;
      },
    },
    {
      name: 'set',
      takes: 'TABLE ROW FIELD=VALUE…',
      does: 'changes fields of a row, which is given by its sys_id or name',
      run: (table, text, ...fields) => {
        const id = rowCalled(instance, table, text);
        instance.update(table, id, rowOf(fields));
        return `changed ${table} ${id}`;
      },
    },
    ...([true, false] as const).map((audited) => ({
      name: audited ? 'delete' : 'delete-unaudited',
      takes: 'TABLE ROW',
      does: audited ? 'with a line in sys_audit_delete' : 'without one, as a table cleaner does',
      run: (table: string, text: string) => {
        const id = rowCalled(instance, table, text);
        if (audited) instance.remove(table, id);
        else instance.removeUnaudited(table, id);
        return `deleted ${table} ${id}${audited ? '' : ', which no audit tells'}`;
      },
    })),
  ];
}

function accessCommands(instance: ServiceNow): Command[] {
  return [
    ...([false, true] as const).map((may) => ({
      name: may ? 'allow' : 'forbid',
      takes: 'TABLE',
      does: may ? 'the account may read it again' : 'the account may not read it any more (403)',
      run: (table: string) => {
        checkTable(instance, table);
        if (may) instance.forbidden.delete(table);
        else instance.forbidden.add(table);
        return `${table} ${may ? 'may be read' : 'is answered 403'}`;
      },
    })),
    {
      name: 'expire-access-tokens',
      takes: '',
      does: 'the access token given last is answered 401',
      run: () => {
        instance.login.revoke();
        return 'the access token given last has ended';
      },
    },
    throttleCommand('requests for rows', (times, seconds) =>
      instance.faults.add({ when: isForRows, times, answer: tooManyRequests(seconds) }),
    ),
  ];
}

function checkTable({ estate }: ServiceNow, table: string): void {
  if (estate.tables.has(table) || estate.isClass(table)) return;
  const known = [...estate.tables.keys()].join(', ');
  throw new CommandError(
    `TABLE ${table}: there is none of that name; use ${known}, or a class of configuration items`,
  );
}

interface Found {
  readonly id: string;
  readonly name: string;
}

function rowsWhere(
  instance: ServiceNow,
  tableName: string,
  holds: (name: string, id: string) => boolean,
): Found[] {
  const table = instance.tableOf(tableName);
  const nameAt = (position: number) =>
    nameFields.map((field) => valueOf(table.cell(position, field))).find((name) => name !== '') ?? '';
  return table
    .where((position) => holds(nameAt(position), table.id(position)))
    .map((position) => ({
      id: table.id(position),
      name: nameAt(position),
    }));
}

/** The sys_id of the row that has this sys_id or name. */
function rowCalled(instance: ServiceNow, table: string, text: string): string {
  checkTable(instance, table);
  const rows = rowsWhere(instance, table, (name, id) => id === text || name === text);
  const [one, ...others] = rows;
  if (one === undefined)
    throw new CommandError(`ROW "${text}": ${table} has none of that sys_id or name; look with: find TEXT`);
  if (others.length > 0) {
    const ids = rows.slice(0, 20).map(({ id }) => id);
    throw new CommandError(`ROW "${text}": ${rows.length} have that name, give a sys_id: ${ids.join(', ')}`);
  }
  return one.id;
}

function rowOf(fields: readonly string[]): Row {
  const pairs = fields.map((field) => {
    const [, name, value] = /^([a-z0-9_]+)=(.*)$/u.exec(field) ?? [];
    if (name === undefined || value === undefined)
      throw new CommandError(`FIELD ${field}: give FIELD=VALUE, such as "name=web 9"`);
    return [name, value] as const;
  });
  return Object.fromEntries(pairs);
}
