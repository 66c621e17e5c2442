// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { Check } from '../api/sync-run.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { AddressPolicy } from '../connector/address.ts';
import { authoritiesOf } from '../connector/authorities.ts';
import { Budgets } from '../connector/budget.ts';
import type { Connector, Credentials } from '../connector/contract.ts';
import { credentialsFrom, missingSecret } from '../connector/credentials.ts';
import type { Failure } from '../connector/failure.ts';
import { KnownLogins } from '../connector/ldap/logins.ts';
import { originOf } from '../connector/origin.ts';
import { openUpstream } from '../connector/upstream.ts';
import type { Store } from '../store/port.ts';
import type { Progress, SyncDependencies } from '../sync/engine.ts';
import { Redactor } from '../telemetry/redactor.ts';

const defaultLimits = { requestsPerSecond: 10, inFlight: 2, maxRetries: 5 } as const;

export interface RequestObservation {
  readonly system: string;
  readonly connector: string;
  readonly status: number | string | undefined;
  readonly durationMs: number;
}

export interface RuntimeOptions {
  readonly version: string;
  readonly addresses: AddressPolicy;
  readonly onRequest: (observation: RequestObservation) => void;
}

export interface RunInput {
  readonly system: ExternalSystem;
  readonly connector: Connector;
  readonly store: Store;
  /** Base64 values of the Secret; undefined when there is none. */
  readonly readSecret: () => Promise<Readonly<Record<string, string>> | undefined>;
  readonly signal: AbortSignal;
  readonly onConnected: () => void;
  readonly onProgress: (progress: Progress) => void;
  /** In mode Test: what was found, as soon as it is. */
  readonly onCheck?: (check: Check) => void;
  readonly onFailure?: (failure: Failure) => void;
}

export interface Runtime {
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  readonly redactor: Redactor;
  /** What the engine needs for one attempt; secrets it reads are known to the redactor until the attempt ends. */
  dependencies(input: RunInput): SyncDependencies;
}

/** What all runs of one process share: clocks, the budgets of the accounts, which logins were refused, the redactor. */
export function createRuntime(options: RuntimeOptions): Runtime {
  const now = () => new Date();
  const monotonicMs = () => performance.now();
  const clock = {
    monotonicMs,
    sleep: (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }),
  };
  const budgets = new Budgets(clock);
  const logins = new KnownLogins(monotonicMs);
  const redactor = new Redactor();

  return {
    now,
    monotonicMs,
    redactor,
    dependencies(input) {
      const { system, connector } = input;
      const { namespace, name } = system.metadata;
      const limits = { ...defaultLimits, ...system.spec.limits };
      const field = `spec.connector.${connector.id}.url`;
      return {
        store: input.store,
        connector,
        credentials: () => readCredentials(input, redactor),
        upstream: ({ credentials, ...request }) =>
          openUpstream({
            ...request,
            authorities: authoritiesOf(credentials, system.spec.tls?.ca),
            userAgent: `external-system-operator/${options.version}`,
            budget: budgets.of(
              `${originOf(connector.origin(system.spec.connector[connector.id]))} ${credentials.account}`,
              limits,
            ),
            logins,
            maxRetries: limits.maxRetries,
            addresses: options.addresses,
            urlField: field,
            clock,
            now,
            random: Math.random,
            redact: (text) => redactor.redact(text),
            onRequest: (result) => {
              options.onRequest({ system: `${namespace}/${name}`, connector: connector.id, ...result });
            },
          }),
        now,
        monotonicMs,
        redact: (text) => redactor.redact(text),
        learnSecret: (value) => redactor.add(`${namespace}/${name}`, value),
        signal: input.signal,
        onConnected: input.onConnected,
        onProgress: input.onProgress,
        ...(input.onCheck === undefined ? {} : { onCheck: input.onCheck }),
        ...(input.onFailure === undefined ? {} : { onFailure: input.onFailure }),
      };
    },
  };
}

async function readCredentials(input: RunInput, redactor: Redactor): Promise<Credentials> {
  const { metadata, spec } = input.system;
  const { type, secretRef } = spec.auth;
  if (type === 'None' || secretRef === undefined) {
    return credentialsFrom(type, { namespace: metadata.namespace, name: '', data: {} });
  }
  const data = await input.readSecret();
  if (data === undefined) throw missingSecret(metadata.namespace, secretRef.name);
  const credentials = credentialsFrom(type, { namespace: metadata.namespace, name: secretRef.name, data });
  redactor.learn(`${metadata.namespace}/${metadata.name}`, credentials.secrets);
  return credentials;
}
