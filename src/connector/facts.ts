// SPDX-License-Identifier: Apache-2.0
import type { AuthType } from '../api/external-system.ts';
import { schemaFields, type SchemaField } from '../api/schema-fields.ts';
import type { Connector, StreamFacts } from './contract.ts';
import { keysNeeded } from './credentials.ts';

/** A key of the Secret. */
export interface SecretKey {
  readonly key: string;
  readonly required: boolean;
  readonly description?: string;
}

/** What a connector says of itself, for people and for programs. */
export interface ConnectorFacts {
  readonly id: string;
  readonly title: string;
  readonly category: string;
  readonly version: number;
  /** Paths in the project. */
  readonly runbook: string;
  readonly sample: string;
  readonly auth: readonly { readonly type: AuthType; readonly keys: readonly SecretKey[] }[];
  readonly streams: readonly StreamFacts[];
  /** Fields of its block, by paths within it. */
  readonly config: readonly SchemaField[];
}

/** From the declarations alone. Pure. */
export function connectorFacts(connector: Connector): ConnectorFacts {
  const { id, title, category, version, folder, auth, moreKeys, streams, config } = connector;
  return {
    ...{ id, title, category, version },
    runbook: `connectors/${folder}/README.md`,
    sample: `config/samples/${folder}.yaml`,
    auth: auth.map((type) => ({
      type,
      keys: [
        ...keysNeeded(type).map((key) => ({ key, required: true })),
        ...Object.entries(moreKeys[type] ?? {}).map(([key, meaning]) => ({ key, ...meaning })),
      ],
    })),
    streams,
    config: schemaFields('', config),
  };
}
