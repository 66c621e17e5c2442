// SPDX-License-Identifier: Apache-2.0

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
