// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { ApiError } from '../../src/operator/api-error.ts';
import { DatabaseRefused } from '../../src/store/port.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

function logged(error: unknown): Record<string, unknown> {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  createLogger({ level: 'info', destination, redact: (text) => text }).warn('work failed', { error });
  return (JSON.parse(lines.join('')) as { error: Record<string, unknown> }).error;
}

describe('an error in the log', () => {
  test.each([
    new DatabaseRefused('PostgreSQL has schema 9, newer than the 5 of this version'),
    new ApiError(404, 'NotFound', 'namespaces "operators" not found'),
    new Failure('credentials', 'Secret inventory/login has no key password; add it'),
  ])('is its sentence alone where it is one for a person: $name', (error) => {
    expect(logged(error)).toMatchObject({ message: error.message });
    expect(logged(error)).not.toHaveProperty('stack');
  });

  test('has its stack where nobody foresaw it', () => {
    expect(logged(new TypeError('x is not a function'))['stack']).toContain('logger.test.ts');
  });
});
