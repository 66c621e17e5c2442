// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { Verdict } from '../api/conditions.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import { failureFacts, tell } from '../api/failure.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { RowsSetAside } from '../store/port.ts';

/** As many as a status has room for. */
const maxStreams = 32;

/** The condition RowsSetAside, of which False is what is wished for; undefined where nothing ever was set aside. */
export function setAsideVerdict(
  { metadata, status }: ExternalSystem,
  found: RowsSetAside | undefined,
): Verdict | undefined {
  const type = 'RowsSetAside';
  if (found === undefined) {
    if (status?.conditions?.some((condition) => condition.type === type) !== true) return undefined;
    return { type, status: 'False', reason: 'NothingSetAside', message: 'no row is set aside' };
  }
  const { streams, most } = found;
  const all = streams.reduce((sum, { rows }) => sum + rows, 0);
  const where = streams.slice(0, 8).map(({ stream, rows }) => `${stream} ${rows}`);
  const message =
    `rows that did not fit are set aside: ${all} (${where.join(', ')}${streams.length > 8 ? ', …' : ''}); ` +
    `${most.rows} of ${most.stream} because: ${bounded(most.reason, 160)}; ` +
    `extsys quarantine list --system ${metadata.namespace}/${metadata.name} shows each`;
  // What a mapping makes of the values is its owner's to mend.
  const { audience } = failureFacts[most.reason.startsWith('spec.mapping.') ? 'configuration' : 'contract'];
  return { type, status: 'True', reason: 'RowsDoNotFit', message: tell({ message, audience }) };
}

/** How many rows of which stream, for programs and the metric. */
export function setAsideStatus(found: RowsSetAside | undefined): ExternalSystemStatus['rowsSetAside'] {
  return found?.streams
    .toSorted((one, other) => other.rows - one.rows)
    .slice(0, maxStreams)
    .map(({ stream, rows }) => ({ stream, rows }));
}
