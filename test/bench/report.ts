// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import type { Load, StoreName } from './loads.ts';

export interface StoreResult {
  readonly store: StoreName;
  readonly records: number;
  readonly loads: readonly Load[];
}

const rate = ({ records, seconds }: Load) => records / seconds;
const perMillion = (cpuSeconds: number, { records }: Load) => ((cpuSeconds / records) * 1e6).toFixed(1);

/**
 * Records per second that the machine could do at most. PostgreSQL writes while the next page is read and parsed, so the slower of
 * both is the limit; SQLite writes in the thread that reads, one after the other.
 */
export function limitOf({ store, loads }: StoreResult): number {
  const limits = loads.filter(({ kind }) => kind === 'limit').map(rate);
  if (store === 'postgres') return Math.min(...limits);
  return 1 / limits.reduce((seconds, one) => seconds + 1 / one, 0);
}

export function headOf(): string {
  const columns = ['records/s', 'of limit', 'CPU process', 'database', 'peak MiB', 'written MB'];
  return [`${availableParallelism()} cores`.padEnd(24), ...columns.map((name) => name.padStart(11))].join(
    ' ',
  );
}

/** One line a measurement; CPU is in seconds per million records. */
export function tableOf(result: StoreResult): string {
  const { store, records, loads } = result;
  const limit = limitOf(result);
  const lines = loads.map((load) => {
    const ofLimit = load.kind === 'limit' ? '' : `${((rate(load) / limit) * 100).toFixed(0)} %`;
    const database = load.server === undefined ? '' : perMillion(load.server.cpuSeconds, load);
    const written = (load.written + (load.server?.written ?? 0)) / 1e6;
    const cells = [
      rate(load).toFixed(0),
      ofLimit,
      perMillion(load.cpuSeconds, load),
      database,
      load.peakMiB.toFixed(0),
      written.toFixed(0),
    ];
    return [load.name.padEnd(24), ...cells.map((cell) => cell.padStart(11))].join(' ');
  });
  return `${store}, ${records} records, limit ${limit.toFixed(0)}/s\n${lines.join('\n')}\n`;
}
