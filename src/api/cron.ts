// SPDX-License-Identifier: Apache-2.0
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
