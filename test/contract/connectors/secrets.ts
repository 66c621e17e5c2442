// SPDX-License-Identifier: Apache-2.0
import type { ConnectorHarness, RunningSystem } from './harness.ts';

/** What every record of the system carries in a field that nobody has asked for. */
export const planted = 'canary-planted-in-every-row-7730';

const publicKeys: ReadonlySet<string> = new Set(['username', 'clientId', 'ca.crt', 'tls.crt']);

/** Everything that may come out nowhere, in the forms in which it would: as it is, in base64, in an address. */
export function secretForms(harness: ConnectorHarness, system: RunningSystem): readonly string[] {
  const { secret, unasked } = harness;
  const values = Object.entries(secret).flatMap(([key, value]) => (publicKeys.has(key) ? [] : [value]));
  const names = [secret['username'], secret['clientId']].filter((name) => name !== undefined);
  const pairs = names.flatMap((name) => values.map((value) => `${name}:${value}`));
  const lines = values
    .flatMap((value) => value.split('\n'))
    .filter((line) => line.length > 20 && !line.startsWith('-----'));
  return [...values, ...pairs, ...lines, ...system.issued(), ...unasked, planted].flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('base64url'),
  ]);
}

/** The forms that stand in one of the texts; each text by what it is. */
export function found(forms: readonly string[], texts: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(texts).flatMap(([where, text]) =>
    [...new Set(forms)].filter((form) => text.includes(form)).map((form) => `${form} in ${where}`),
  );
}
