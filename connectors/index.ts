// SPDX-License-Identifier: Apache-2.0
import type { Connector } from '../src/connector/contract.ts';
import { activeDirectory } from './active-directory/index.ts';
import { entraId } from './entra-id/index.ts';
import { serviceNowCmdb } from './servicenow-cmdb/index.ts';

/** Every connector of this program. A new one is a folder and a line here. */
export const connectors: readonly Connector[] = [serviceNowCmdb, activeDirectory, entraId];
