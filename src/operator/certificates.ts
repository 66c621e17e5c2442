// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { Verdict } from '../api/conditions.ts';
import { failureFacts, tell } from '../api/failure.ts';
import type { ExternalSystem } from '../api/resource.ts';
import { wholeSecond } from '../inventory/expiry.ts';
import type { CertificateStore, SsoCertificate, SsoCertificates } from '../store/port.ts';
import { expiringDays, expiringForMs, whenItEnds } from './certificate-end.ts';

/** As many series as a system may have, and as a person looks at. */
const mostNamed = 50;
/** A condition has room for so many. */
const worstTold = 3;

const type = 'CertificatesCurrent';

/**
 * What the inventory says of the certificates that applications sign people in with. It is asked at every look at a system, since a
 * certificate ends without any run; the newest answers are kept for the metrics.
 */
export class CertificateWatch {
  private readonly store: CertificateStore;
  private readonly redact: (text: string) => string;
  private readonly found = new Map<string, SsoCertificates>();

  /** `redact` takes known secrets out of the names, before any part of one is shown. */
  constructor(store: CertificateStore, redact: (text: string) => string) {
    this.store = store;
    this.redact = redact;
  }

  async look(key: string, at: Date): Promise<SsoCertificates | undefined> {
    const now = wholeSecond(at);
    const expiringBefore = new Date(now.getTime() + expiringForMs);
    const stored = await this.store.ssoCertificates(key, { now, expiringBefore, soonest: mostNamed });
    if (stored === undefined) {
      this.found.delete(key);
      return undefined;
    }
    const soonest = stored.soonest.map(({ name, ...rest }) => ({
      ...rest,
      name: name === undefined ? undefined : this.redact(name),
    }));
    const found = { ...stored, soonest };
    this.found.set(key, found);
    return found;
  }

  of(key: string): SsoCertificates | undefined {
    return this.found.get(key);
  }

  forget(key: string): void {
    this.found.delete(key);
  }
}

/**
 * The condition CertificatesCurrent; undefined where a system never gave applications. Its message changes once a day at most: that
 * is what it costs in writes where no run brings one anyway. Pure.
 */
export function certificatesVerdict(
  { status }: ExternalSystem,
  found: SsoCertificates | undefined,
  now: Date,
): Verdict | undefined {
  if (found === undefined) {
    if (status?.conditions?.some((condition) => condition.type === type) !== true) return undefined;
    const message = 'no application stands in the inventory any more, so no certificate is watched';
    return { type, status: 'Unknown', reason: 'NoApplications', message };
  }
  const { current, expiring, expired, soonest } = found;
  if (expiring + expired === 0)
    return { type, status: 'True', reason: 'Current', message: allCurrent(found, now) };
  const counts = [
    ...(expired === 0 ? [] : [`${expired} expired`]),
    ...(expiring === 0 ? [] : [`${expiring} within ${expiringDays} days`]),
  ];
  const worst = soonest.slice(0, Math.min(worstTold, expired + expiring)).map((one) => told(one, now));
  const more = expired + expiring > worst.length ? '; …' : '';
  const message =
    `certificates of single sign-on that end: ${expired + expiring} of ${current + expiring + expired} (${counts.join(', ')}): ` +
    `${worst.join('; ')}${more}; renew them at the external system and tell the applications, or switch off those that nobody uses`;
  const { audience } = failureFacts.permission;
  const reason = expired > 0 ? 'CertificateExpired' : 'CertificateExpiring';
  return { type, status: 'False', reason, message: tell({ message, audience }) };
}

function allCurrent({ current, none, soonest: [first] }: SsoCertificates, now: Date): string {
  const without = none === 0 ? '' : `; without one: ${none}`;
  return first === undefined
    ? `no application has a certificate that could end${without}`
    : `certificates of single sign-on: ${current}, the first to end: ${told(first, now)}${without}`;
}

function told({ name, externalId, expiresAt }: SsoCertificate, now: Date): string {
  return `${bounded(name ?? externalId, 80)} (${whenItEnds(expiresAt, now)})`;
}
