// SPDX-License-Identifier: Apache-2.0
import { activeDirectoryHarnesses } from './active-directory.ts';
import { entraHarnesses } from './entra-id.ts';
import type { ConnectorHarness } from './harness.ts';
import { serviceNowHarnesses } from './servicenow-cmdb.ts';

/**
 * The harnesses of every connector of connectors/index.ts, one for each way it logs in: a connector without any fails the contract suite by
 * name. The fault matrix takes the first of each.
 */
export const harnesses: readonly ConnectorHarness[] = [
  ...serviceNowHarnesses,
  ...activeDirectoryHarnesses,
  ...entraHarnesses,
];
