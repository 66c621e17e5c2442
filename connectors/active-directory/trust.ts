// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Evidence } from '../../src/connector/evidence.ts';
import type { Position } from './controller.ts';
import { Guid } from './wire.ts';

/**
 * How long another controller may lag behind the one that was read before: the interval of replication between sites, unless it was changed
 * (`replInterval` of the site link, 180 minutes by default). Within a site it is seconds.
 */
const settlingMs = 180 * 60_000;

/** Of the evidence of a scope: which controller was read. */
const LastRead = Type.Object({
  dc: Type.String(),
  invocationId: Guid,
  /** Its count of changes when the reading began. */
  last: Type.String({ pattern: '^[0-9]{1,20}$' }),
  /** Since when it is the one that is read, where another was read before and no full reading has shown since what is gone. */
  dcSince: Type.Optional(Type.String()),
});
const lastRead = Compile(LastRead);

export interface Trust {
  /** For the evidence, so that the next reading knows. With `unproven` absence proves nothing. */
  readonly facts: Evidence;
  /** The controller may lag behind: what it does not show may be new. */
  readonly mayLag: boolean;
}

/**
 * What absence proves in a reading from a controller, after what the evidence of the reading before says. Of a controller that was changed to, not
 * before it had the time to catch up; then the next full reading shows what is gone. Pure. Times are of the controller's clock.
 */
export function trustIn(
  { dc, invocationId, usn, at }: Position,
  lastEvidence: unknown,
  reading: 'Full' | 'Window',
): Trust {
  const facts = { dc, invocationId, last: String(usn) };
  const dcSince = sinceWhen({ dc, invocationId, usn, at }, lastEvidence);
  if (dcSince === undefined) return { facts, mayLag: false };
  const until = new Date(dcSince.getTime() + settlingMs);
  const mayLag = at < until;
  if (!mayLag && reading === 'Full') return { facts, mayLag };
  const since = `${dc} is read since ${minute(dcSince)}, another controller before`;
  const unproven = mayLag
    ? `${since}; it may lag behind, so nothing absent is taken as gone before ${minute(until)}, and then by the next full run`
    : `${since}; what was deleted until then waits for the next full run`;
  return { facts: { ...facts, dcSince: dcSince.toISOString(), unproven }, mayLag };
}

function sinceWhen({ dc, invocationId, usn, at }: Position, lastEvidence: unknown): Date | undefined {
  if (lastEvidence === undefined) return undefined;
  if (!lastRead.Check(lastEvidence)) return at;
  const last: Static<typeof LastRead> = lastEvidence;
  const isSame = last.dc === dc && last.invocationId === invocationId && BigInt(last.last) <= usn;
  if (!isSame) return at;
  return last.dcSince === undefined ? undefined : new Date(last.dcSince);
}

/** To the minute, so that it fits into the record of a run: 2026-03-01T12:00Z. */
function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16)}Z`;
}
