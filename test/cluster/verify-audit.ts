// SPDX-License-Identifier: Apache-2.0
import { auditEntry } from '../../src/cli/audit.ts';
import type { AuditReport } from '../../src/sync/audit.ts';
import { call } from '../cli/cli-bench.ts';
import { sharedCluster } from '../kit/control-plane/shared.ts';
import type { OperatorBench } from '../kit/operator-bench.ts';

/** `extsys audit verify` over the database and the namespace of a bench. */
export async function verifyAudit(bench: OperatorBench) {
  const { code, out } = await call(auditEntry.run, [
    ...['verify', '--store', `sqlite:${bench.database}`, '-o', 'json'],
    ...['--kubeconfig', sharedCluster().kubeconfigPath, '-n', bench.namespace],
  ]);
  return { code, report: JSON.parse(out) as AuditReport };
}
