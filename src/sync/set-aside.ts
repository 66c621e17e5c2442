// SPDX-License-Identifier: Apache-2.0
import { failureFacts } from '../api/failure.ts';
import { Failure } from '../connector/failure.ts';
import type { PassTally, RowSetAside } from '../store/port.ts';

/** More than this share set aside means that our reading of the vendor's answer is wrong … */
const maxSetAsideShare = 0.1;
/** … but a handful of bad rows in a short window says nothing. */
const minSetAside = 5;

/** Where a run that stores keeps them. */
export const inQuarantine = 'extsys quarantine list shows each with its reason';

/** The failure of a pass of which too much was set aside. */
export function misread(
  stream: string,
  { fetched, setAside, setAsideByMapping }: PassTally,
  first: RowSetAside | undefined,
  where = inQuarantine,
): Failure | undefined {
  if (setAside < minSetAside || setAside <= fetched * maxSetAsideShare) return undefined;
  const message = `${stream}: ${setAside} of ${fetched} rows were set aside, more than 10 %, so nothing was deleted; ${example(first)}${where}`;
  // A mapping is the owner's: what it makes of the values is mended by changing it. Judged by the whole pass, so that a takeover
  // does not change it.
  return new Failure(setAsideByMapping * 2 > setAside ? 'configuration' : 'contract', message);
}

/** What is said of a few bad rows: they end no stream, but somebody should look at them. */
export function fewSetAside(
  stream: string,
  { fetched, setAside, setAsideByMapping }: PassTally,
  first: RowSetAside | undefined,
  where = inQuarantine,
): Failure | undefined {
  if (setAside === 0) return undefined;
  const was = setAside === 1 ? 'was' : 'were';
  const message = `${stream}: ${setAside} of ${fetched} ${fetched === 1 ? 'row' : 'rows'} ${was} set aside; ${example(first)}${where}`;
  // No failure of the configuration, which would wait for its owner: these rows end nothing, and the next run comes in its time.
  const byMapping = setAsideByMapping === setAside;
  return new Failure('contract', message, byMapping ? { audience: failureFacts.configuration.audience } : {});
}

function example(row: RowSetAside | undefined): string {
  return row === undefined ? '' : `first ${row.externalId ?? 'one without a readable id'}: ${row.reason}; `;
}
