// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceNow } from '../simulators/servicenow/index.ts';

/** Secrets of the vendor's rows, each in another place of a row that cannot be read. */
const canaries = ['canary-by-its-name-1', 'canary-within-a-cell-2', 'canary-in-a-list-3', 'canary-deep-4'];

/** The sys_id of the row that gets them. */
export const canaryRow = ServiceNow.id('0c', 1);

export function plantCanaries(instance: ServiceNow): void {
  const [named = '', within, listed, deep] = canaries;
  instance.update('cmdb_ci', canaryRow, {
    fqdn: { odd: { value: 'host', display_value: 3, password: named } },
    serial_number: { odd: { value: 7, display_value: 'seven', hidden: within } },
    asset_tag: { odd: [listed, { deep }] },
  });
}

/** The canaries that stand in a text or in the bytes of the files of a folder. */
export function canariesIn(...texts: readonly string[]): readonly string[] {
  return canaries.filter((canary) => texts.some((text) => text.includes(canary)));
}

export function bytesOf(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');
}
