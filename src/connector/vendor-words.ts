// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';

/** Takes the secrets that are known out of a text. */
export type Redact = (text: string) => string;

/**
 * The beginning of what the vendor sent, fit for a message. Secrets go first: a cut through one would leave its beginning
 * readable, and nobody could find it any more.
 */
export function vendorWords(text: string, redact: Redact): string {
  const clean = redact(text)
    .toWellFormed()
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{Zs}\p{S}]/gu, ' ');
  return bounded(clean, 120);
}
