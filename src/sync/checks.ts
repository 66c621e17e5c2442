// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { Check } from '../api/sync-run.ts';
import { seconds } from '../api/time.ts';
import { offsetOf, type DatedAnswer } from '../connector/vendor-clock.ts';

/** Clocks that NTP keeps are apart by less than a second. */
const toleratedSkewMs = 30_000;
const maxChecks = 16;

/**
 * Whether the vendor's clock and ours agree. No more than a warning: places to go on from are the vendor's own times, so nothing is lost
 * by it; what is compared with our times is wrong.
 */
export function clockCheck(answer: DatedAnswer | undefined): Check {
  const warning = (message: string): Check => ({ name: 'clock', result: 'Warning', message });
  if (answer === undefined) {
    return warning(
      'no answer tells its Date, so the clocks cannot be compared; where this clock is wrong, changes may be read late',
    );
  }
  const { leastMs, mostMs } = offsetOf(answer);
  const middleMs = (leastMs + mostMs) / 2;
  const uncertainMs = (mostMs - leastMs) / 2;
  if (leastMs > toleratedSkewMs || mostMs < -toleratedSkewMs) {
    const apart = `${inSeconds(Math.abs(middleMs))} s ${middleMs > 0 ? 'ahead of' : 'behind'} ours`;
    return warning(
      `vendor clock ${apart} (${seconds(answer.date)}, ours ${seconds(answer.receivedAt)}): times of rows and slots differ from the vendor's; mend NTP`,
    );
  }
  if (uncertainMs > toleratedSkewMs)
    return warning(
      `the answer took ${inSeconds(2 * uncertainMs)} s: too long to say whether the clocks agree; test again`,
    );
  return {
    name: 'clock',
    result: 'Passed',
    message: `the vendor's clock and ours agree within ${inSeconds(Math.max(Math.abs(leastMs), Math.abs(mostMs)))} s`,
  };
}

/** As many as a record takes: those that passed give way first. Texts are free of secrets before they get here. */
export function recordedChecks(checks: readonly Check[]): Check[] {
  const surplus = new Set(
    [...checks]
      .map((check, index) => ({
        index,
        weight: check.result === 'Passed' ? 0 : check.result === 'Warning' ? 1 : 2,
      }))
      .toSorted((one, other) => other.weight - one.weight || one.index - other.index)
      .slice(maxChecks)
      .map(({ index }) => index),
  );
  return checks
    .filter((_, index) => !surplus.has(index))
    .map(({ name, result, message }) => ({
      name: bounded(name, 32),
      result,
      message: bounded(message, 160),
    }));
}

function inSeconds(ms: number): string {
  return String(Math.ceil(ms / 1000));
}
