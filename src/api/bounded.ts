// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';

/**
 * A text for a status, an event or a row that has room for so many characters: well-formed Unicode, cut between characters, with
 * a mark where it was cut. Take known secrets out before, never after: half of one is not recognised, and the mask may be longer
 * than what it hides.
 */
export function bounded(text: string, maxLength: number): string {
  const whole = text.toWellFormed();
  if (whole.length <= maxLength) return whole;
  // Half of a pair at the cut is not well-formed: it is left out.
  const cut = whole.slice(0, maxLength - 1);
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`;
}

/** Of the digest: enough for the few names that stand beside each other. */
const digestLength = 6;

/**
 * A name that is made of parts, such as that of a scope, for a place that has room for so many characters, 16 at least. Where it is too long its
 * middle is cut, since it may be the last part for which a person looks; the beginning of its SHA-256 stands there, so that names which
 * differ in what is cut are told apart.
 */
export function boundedName(name: string, maxLength: number): string {
  const whole = name.toWellFormed();
  if (whole.length <= maxLength) return whole;
  const digest = hash('sha256', whole, 'hex').slice(0, digestLength);
  const room = maxLength - digestLength - 2;
  const beginning = whole.slice(0, Math.floor(room / 3));
  const end = whole.slice(beginning.length - room);
  // Half of a pair at a cut is not well-formed: it is left out.
  const [head, tail] = [beginning, end].map((cut) => cut.replaceAll(/\p{Surrogate}/gu, ''));
  return `${head}…${digest}…${tail}`;
}
