// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, readStream, type Reading } from '../connectors/servicenow-cmdb/reading.ts';
import { startServiceNow, type ServiceNow } from './servicenow/index.ts';

const login = { username: 'reader', password: 'secret-of-reader' };
const base = 'https://example.service-now.com/api/now/';

/** One recorded exchange; the address is below /api/now/. */
export function exchange(address: string, result: unknown, response: Record<string, unknown> = {}) {
  return {
    request: { method: 'GET', url: `${base}${address}` },
    response: { status: 200, headers: {}, body: { result }, ...response },
  };
}

export function link(table: string, value: string) {
  return { link: `${base}table/${table}/${value}`, value };
}

/** An invented item with the times that every row has. */
export function recordedItem(number: number, className: string, fields: Record<string, unknown> = {}) {
  return {
    sys_id: idOf('c1', number),
    sys_class_name: className,
    name: `item-${number}`,
    sys_created_on: '2024-01-01 00:00:00',
    sys_updated_on: '2024-05-01 10:00:00',
    ...fields,
  };
}

export function idOf(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(30, '0')}`;
}

export interface Served extends AsyncDisposable {
  readonly instance: ServiceNow & { readonly url: string };
  readonly file: string;
  /** Status and body of an address below /api/now/. */
  get(address: string): Promise<readonly [number, unknown]>;
}

/** The emulator on a file with these exchanges, or with this text. */
export async function serve(recording: readonly unknown[] | string): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'recording-'));
  const file = join(folder, 'recording.json');
  await writeFile(file, typeof recording === 'string' ? recording : JSON.stringify({ exchanges: recording }));
  try {
    const instance = await startServiceNow({ seed: 1, counts: { servers: 0 }, basic: login, rows: file });
    return {
      instance,
      file,
      async get(address) {
        const credentials = Buffer.from(`${login.username}:${login.password}`).toString('base64');
        const headers = { authorization: `Basic ${credentials}` };
        const response = await fetch(`${instance.url}/api/now/${address}`, { headers });
        return [response.status, await response.json()];
      },
      async [Symbol.asyncDispose]() {
        await instance.stop();
        await rm(folder, { recursive: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
}

/** Reads a stream of a recording with the real connector. */
export async function readRecorded(
  recording: readonly unknown[],
  stream = 'cis',
  classes: readonly string[] = ['cmdb_ci_server'],
): Promise<Reading> {
  await using served = await serve(recording);
  const config = { classes, relationships: true, users: true, groups: true };
  await using opened = await open(served.instance.url, { config });
  return await readStream(opened.stream(stream));
}

/** Names and classes of the items of a reading, in the order of their names. */
export function itemsOf({ records }: Reading): (readonly [unknown, unknown])[] {
  const items = [...records.values()].map(({ columns }) => {
    const { name, class: className } = columns as { name?: string; class?: string };
    return [name, className] as const;
  });
  return items.toSorted(([one], [other]) => String(one).localeCompare(String(other)));
}
