// SPDX-License-Identifier: Apache-2.0
import type { ConnectorHarness } from './harness.ts';

/** The harness of every connector of connectors/index.ts: one that is missing here fails the contract suite by name. */
export const harnesses: readonly ConnectorHarness[] = [];
