// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { Static } from 'typebox';
import type { SsoApplication } from '../../src/inventory/kinds.ts';
import type { Store } from '../../src/store/port.ts';
import { claimOf, deleteAll, endOf, ended, full, page, pass } from '../contract/contract-bench.ts';

export type Application = { readonly id: string } & Partial<Static<typeof SsoApplication>>;

/** A run that reads exactly these applications of a system to a verified end; those it does not see are gone. */
export async function readApplications(
  store: Store,
  system: string,
  applications: readonly Application[],
  runUid = `run-${crypto.randomUUID()}`,
): Promise<void> {
  const hold = await store.claim(claimOf(runUid, { system, systemUid: 'file-applications' }));
  const { id: passId } = await store.beginPass(hold, {
    ...pass,
    source: (await store.boundSource(system)) ?? pass.source,
    stream: 'ssoApplications',
    record: 'SsoApplication',
  });
  const records = applications.map(({ id: externalId, ...columns }) => ({
    record: { externalId, columns, attributes: {} },
    hash: hash('sha256', JSON.stringify(columns), 'hex'),
  }));
  await store.writePage(hold, page(passId, records));
  await store.endScope(hold, full(passId));
  await store.endPass(hold, ended(passId), deleteAll);
  await store.finish(hold, endOf(runUid));
}
