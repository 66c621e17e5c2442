// SPDX-License-Identifier: Apache-2.0

export interface CheckFinding {
  readonly result: 'Passed' | 'Warning';
  /** What was found, and the remedy; 160 characters of it are kept. */
  readonly message: string;
}

export function passed(message: string): CheckFinding {
  return { result: 'Passed', message };
}

export function warning(message: string): CheckFinding {
  return { result: 'Warning', message };
}

/** Several findings as one: what warns comes first, since only the beginning is kept. */
export function joined(findings: readonly (CheckFinding | string)[]): CheckFinding {
  const all = findings.map((finding) => (typeof finding === 'string' ? passed(finding) : finding));
  const warnings = all.filter(({ result }) => result === 'Warning');
  const rest = all.filter(({ result }) => result === 'Passed');
  return {
    result: warnings.length > 0 ? 'Warning' : 'Passed',
    message: [...warnings, ...rest].map(({ message }) => message).join('; '),
  };
}
