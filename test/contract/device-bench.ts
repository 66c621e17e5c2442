// SPDX-License-Identifier: Apache-2.0
import { beforeEach } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import type { RecordKind } from '../../src/inventory/kinds.ts';
import { ContractBench, type OpenStore } from './contract-bench.ts';
import { load, type Columns, type Load } from './inventory-load.ts';

export type Rows = Readonly<Record<string, Columns>>;
type More = Partial<Pick<Load, 'demo' | 'scope' | 'system'>>;

export const entra = 'inventory/entra';
export const ad = 'inventory/ad';
export const cmdb = 'inventory/cmdb';

/** An inventory of several systems, empty before each test, and what the views say of it. */
export class DeviceBench {
  private readonly bench: ContractBench;
  private runs = 0;

  constructor(open: OpenStore) {
    this.bench = new ContractBench(open, 'suite');
    beforeEach(async () => {
      for (const table of ['users', 'assets', 'devices', 'sso_applications', 'sightings'])
        await this.bench.tested.change(`DELETE FROM ${table}`);
    });
  }

  /** Managed devices of Entra ID, unless another system is named. */
  readonly devices = (rows: Rows, more?: More) => this.put('Device', entra, 'managedDevices', rows, more);
  readonly directoryDevices = (rows: Rows) => this.put('Device', entra, 'devices', rows);
  readonly computers = (rows: Rows) => this.put('Device', ad, 'computers', rows);
  readonly users = (rows: Rows, more?: More) => this.put('User', entra, 'users', rows, more);
  readonly assets = (rows: Rows, more?: More) => this.put('Asset', cmdb, 'cis', rows, more);
  readonly applications = (rows: Rows, more?: More) =>
    this.put('SsoApplication', entra, 'ssoApplications', rows, more);

  get store(): Store {
    return this.bench.store;
  }

  async all(sql: string): Promise<Readonly<Record<string, unknown>>[]> {
    return [...(await this.bench.tested.query(sql))];
  }

  change(sql: string): Promise<void> {
    return this.bench.tested.change(sql);
  }

  /** What a device joins to; undefined when the view does not show it. */
  async joined(subject: 'user' | 'asset', device = 'd', prefix = '') {
    const [row] = await this.all(
      `SELECT ${subject}_match AS outcome, ${subject}_rule AS rule, ${subject}_candidates AS candidates,
         ${subject}_system AS system, ${subject}_external_id AS id, ${subject}_reason AS reason
       FROM ${prefix}device_matches WHERE external_id = '${device}'`,
    );
    if (row === undefined) return undefined;
    return { ...row, outcome: row['outcome'], candidates: Number(row['candidates']) };
  }

  /** What is listed about one subject, as `device: problem`, and the reasons. */
  async problems(subject: 'user' | 'asset' | 'machine', prefix = '') {
    const rows = await this.all(
      `SELECT external_id, problem, reason FROM ${prefix}device_match_problems WHERE subject = '${subject}'
       ORDER BY external_id, problem`,
    );
    return Object.fromEntries(
      rows.map((row) => [`${String(row['external_id'])}: ${String(row['problem'])}`, row['reason']]),
    );
  }

  private put(kind: RecordKind, system: string, stream: string, rows: Rows, more: More = {}) {
    this.runs += 1;
    return load(this.bench.store, `run-${this.runs}`, { kind, system, stream, rows, ...more });
  }
}

/** What `joined` answers of one that was joined by this rule. */
export const by = (rule: string, system: string, id: string) => ({
  ...{ outcome: 'joined', rule, candidates: 1, system, id, reason: null },
});

/** What `joined` answers of one that was not. */
export const not = (outcome: string, reason: string, rule: string | null = null, candidates = 0) => ({
  ...{ outcome, rule, candidates, system: null, id: null, reason },
});

export const namesNoUser = not('no_key', 'it names no user');

/** What may be joined by host name. */
export const laptop = { type: 'computer' };
