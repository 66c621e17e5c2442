// SPDX-License-Identifier: Apache-2.0

/** Shorter values would blank out ordinary words. */
const minLength = 4;
/** A single line of a key file counts as a secret of its own from this length on. */
const minLineLength = 16;
const mask = '[redacted]';

/** Secrets that came after the Secret was read (tokens) and are still known; older ones have ended long ago. */
const maxLearntLater = 16;

/**
 * Takes the secrets that this process has read out of every text that leaves it: log lines, conditions, events, records.
 * It knows the newest values of each system in the forms in which they travel: plain, JSON, base64, URL.
 */
export class Redactor {
  private readonly bySystem = new Map<string, readonly string[]>();
  /** As they are, by system, the newest last. */
  private readonly later = new Map<string, readonly string[]>();
  private forms: readonly string[] = [];

  learn(system: string, values: readonly string[]): void {
    this.bySystem.set(system, values.flatMap(formsOf));
    this.collect();
  }

  /** One more secret of a system, such as a token that was given out for the others. */
  add(system: string, value: string): void {
    const later = (this.later.get(system) ?? []).filter((known) => known !== value);
    this.later.set(system, [...later, value].slice(-maxLearntLater));
    this.collect();
  }

  forget(system: string): void {
    this.bySystem.delete(system);
    this.later.delete(system);
    this.collect();
  }

  redact(text: string): string {
    const found = this.forms.flatMap((form) => occurrences(text, form));
    if (found.length === 0) return text;
    let clean = '';
    let end = 0;
    for (const span of found.toSorted((one, other) => one.start - other.start)) {
      // Secrets that overlap become one gap, so that no end of the second stays readable.
      if (span.start >= end) clean += `${text.slice(end, span.start)}${mask}`;
      end = Math.max(end, span.end);
    }
    return clean + text.slice(end);
  }

  private collect(): void {
    this.forms = [
      ...new Set([
        ...[...this.bySystem.values()].flat(),
        ...[...this.later.values()].flat().flatMap(formsOf),
      ]),
    ];
  }
}

function formsOf(value: string): string[] {
  const lines = value
    .split(/\r?\n/u)
    .filter((line) => line.length >= minLineLength && !line.startsWith('-----'));
  const wholes = [...new Set([value, ...lines])];
  const forms = wholes.flatMap((whole) => [
    whole,
    inJson(whole),
    // An answer that quotes JSON, itself quoted in a log line.
    inJson(inJson(whole)),
    Buffer.from(whole).toString('base64'),
    Buffer.from(whole).toString('base64url'),
    encodeURIComponent(whole),
    new URLSearchParams([['', whole]]).toString().slice(1),
  ]);
  return forms.filter((form) => form.length >= minLength);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function occurrences(text: string, form: string): { readonly start: number; readonly end: number }[] {
  const spans = [];
  for (let start = text.indexOf(form); start >= 0; start = text.indexOf(form, start + 1)) {
    spans.push({ start, end: start + form.length });
  }
  return spans;
}
