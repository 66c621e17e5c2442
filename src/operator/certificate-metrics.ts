// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { SsoCertificates } from '../store/port.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { keyOf } from './keys.ts';

/** Label values are kept for as long as the series are. */
const maxLabelLength = 128;

/** Series of the systems that are there now, as the leader last looked at them; the other replicas have none. */
export function fillCertificates(
  metrics: Pick<Metrics, 'set' | 'reset'>,
  systems: readonly ExternalSystem[],
  certificatesOf: (key: string) => SsoCertificates | undefined,
): void {
  metrics.reset('extsys_sso_applications');
  metrics.reset('extsys_sso_certificate_expiry_timestamp_seconds');
  for (const system of systems) {
    const found = certificatesOf(keyOf(system));
    if (found === undefined) continue;
    const labels = { namespace: system.metadata.namespace, system: system.metadata.name };
    for (const state of ['current', 'expiring', 'expired', 'none'] as const)
      metrics.set('extsys_sso_applications', { ...labels, state }, found[state]);
    for (const { externalId, name, expiresAt } of found.soonest) {
      const application = bounded(name ?? externalId, maxLabelLength);
      metrics.set(
        'extsys_sso_certificate_expiry_timestamp_seconds',
        { ...labels, application, application_id: bounded(externalId, maxLabelLength) },
        expiresAt.getTime() / 1000,
      );
    }
  }
}
