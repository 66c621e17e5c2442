// SPDX-License-Identifier: Apache-2.0

/** Shorter values would blank out ordinary words. */
const minLength = 4;
const mask = '[redacted]';

/**
 * Takes the secrets that this process has read out of every text that leaves it: log lines, conditions, events, records.
 * It knows the newest values of each system, and their base64 and Basic forms.
 */
export class Redactor {
  private readonly bySystem = new Map<string, readonly string[]>();

  learn(system: string, values: readonly string[]): void {
    const forms = values.flatMap((value) => [
      value,
      Buffer.from(value).toString('base64'),
      encodeURIComponent(value),
    ]);
    const known = forms.filter((form) => form.length >= minLength);
    // The longest first, so that one secret inside another leaves nothing over.
    this.bySystem.set(
      system,
      [...new Set(known)].toSorted((one, other) => other.length - one.length),
    );
  }

  forget(system: string): void {
    this.bySystem.delete(system);
  }

  redact(text: string): string {
    let clean = text;
    for (const values of this.bySystem.values()) {
      for (const value of values) if (clean.includes(value)) clean = clean.replaceAll(value, mask);
    }
    return clean;
  }
}
