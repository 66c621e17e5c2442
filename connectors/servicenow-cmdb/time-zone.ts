// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../../src/api/bounded.ts';
import type { CheckFinding, ConnectionCheck } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Page } from './api.ts';
import type { Config } from './config.ts';
import { isSafeId, storedText, sysIdOf } from './raw-row.ts';
import { scopeFailure } from './scope-failure.ts';
import { relationTable, type Session } from './session.ts';
import { toRfc3339 } from './stored-time.ts';

/**
 * Windows are asked for by stored times, which are UTC. An instance that reads them in the account's time zone would answer other rows, and
 * changes would be lost in silence: that fails. A time zone that shows only in labels is warned of.
 */
export const timeZoneCheck: ConnectionCheck<[session: Session]> = {
  name: 'timeZone',
  async run(session) {
    const table = firstTable(session.config);
    const warning = (message: string): CheckFinding => ({ result: 'Warning', message });
    let rows: readonly unknown[];
    try {
      ({ rows } = await ask(session, table, 'ORDERBYsys_id'));
    } catch (error) {
      // What keeps the table from being read is told by the check of its stream.
      if (scopeFailure(error) === undefined) throw error;
      return warning(`table ${table} cannot be read, so the account's time zone is not known`);
    }
    const [row] = rows;
    const id = sysIdOf(row);
    const stored = storedText(row, 'sys_updated_on');
    if (id === undefined || stored === undefined || !isSafeId(id)) {
      return warning(
        `table ${table} gives no row with sys_updated_on, so the account's time zone is not known`,
      );
    }
    await expectUtcLiterals(session, table, id, stored);
    return findingOf(stored, labelOf(row), session.config.query);
  },
};

function firstTable(config: Config): string {
  if (config.classes[0] !== undefined) return config.classes[0];
  if (config.users === true) return 'sys_user';
  if (config.groups === true) return 'sys_user_group';
  return config.relationships === true ? relationTable : 'cmdb_ci';
}

function ask({ api }: Session, table: string, query: string): Promise<Page> {
  return api.page({ table, query, fields: ['sys_id', 'sys_updated_on'], limit: 1, offset: 0, labels: true });
}

/** A row must be found by the time of its own last change. */
async function expectUtcLiterals(session: Session, table: string, id: string, stored: string): Promise<void> {
  const found = await ask(session, table, `sys_id=${id}^sys_updated_on>=${stored}^sys_updated_on<=${stored}`);
  if (found.rows.length > 0) return;
  const again = await ask(session, table, `sys_id=${id}`);
  // Changed or deleted in between.
  if (storedText(again.rows[0], 'sys_updated_on') !== stored) return;
  throw new Failure(
    'configuration',
    `table ${table}: times in queries are not read as UTC, so incremental runs would miss changes; set the time zone of the account to UTC`,
  );
}

function findingOf(stored: string, shown: string | undefined, query = ''): CheckFinding {
  if (shown === stored) return { result: 'Passed', message: "the account's time zone is UTC" };
  const storedAt = toRfc3339(stored);
  const shownAt = toRfc3339(shown ?? '');
  if (storedAt === undefined || shownAt === undefined) {
    const seen = bounded(shown ?? '', 24);
    return {
      result: 'Warning',
      message: `the account's date format is its own ("${seen}"): labels of times cannot be read; set the system default, time zone UTC`,
    };
  }
  const zone = zoneName((Date.parse(shownAt) - Date.parse(storedAt)) / 60_000);
  const scripts = query.includes('javascript:') ? 'times that spec query makes by javascript:, and ' : '';
  return {
    result: 'Warning',
    message: `the account's time zone is ${zone}: ${scripts}labels of times are off by it; set it to UTC`,
  };
}

function zoneName(minutes: number): string {
  const whole = Math.abs(Math.round(minutes));
  const two = (number: number) => String(number).padStart(2, '0');
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(whole / 60))}:${two(whole % 60)}`;
}

function labelOf(row: unknown): string | undefined {
  const cell: unknown =
    typeof row === 'object' && row !== null ? Reflect.get(row, 'sys_updated_on') : undefined;
  if (typeof cell !== 'object' || cell === null || !('display_value' in cell)) return undefined;
  return typeof cell.display_value === 'string' ? cell.display_value : undefined;
}
