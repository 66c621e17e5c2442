// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';

function field(value: string): string {
  const item = `(\\*|${value}(-${value})?)(/[1-9][0-9]?)?`;
  return `${item}(,${item})*`;
}

const minute = '([0-5]?[0-9])';
const hour = '([01]?[0-9]|2[0-3])';
const dayOfMonth = '(0?[1-9]|[12][0-9]|3[01])';
const month = '(0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)';
const dayOfWeek = '([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)';

/** Five-field cron, strict enough that the API server refuses minute 61 or a sixth field. */
export const cronPattern = `^${[minute, hour, dayOfMonth, month, dayOfWeek].map(field).join(' +')}$`;

/** The pattern itself would tell nobody what is wrong. */
export const cronMessage =
  'is no cron expression of five fields (minute, hour, day of month, month, day of week); use for example "30 2 * * MON-FRI"';

export function Cron() {
  return Type.String({
    minLength: 9,
    maxLength: 128,
    pattern: cronPattern,
    description: 'Five-field cron expression: minute, hour, day of month, month, day of week.',
    'x-kubernetes-validations': [{ rule: `self.matches(r'${cronPattern}')`, message: cronMessage }],
  });
}
