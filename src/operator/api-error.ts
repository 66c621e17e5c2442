// SPDX-License-Identifier: Apache-2.0

/** How the API server begins to name the policies that this project installs. */
const ourPolicies = "ValidatingAdmissionPolicy 'external-system-operator-";
const refusedAccount =
  ' (asked by this program: the policy lets in the accounts of operators alone, and this one is none of them; name it in admissionPolicy.extraOperators of the chart, or run as the ServiceAccount of the operator)';

/** An answer of the API server that is no success. */
export class ApiError extends Error {
  /** HTTP status. */
  readonly code: number;
  /** The server's one word: Conflict, AlreadyExists, Expired … */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  /** Came as an event of a watch that had begun well. */
  readonly inStream: boolean;

  constructor(
    code: number,
    reason: string,
    message: string,
    { retryAfterMs, inStream = false }: { readonly retryAfterMs?: number; readonly inStream?: boolean } = {},
  ) {
    super(`API server: ${code} ${reason}: ${message}`);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.inStream = inStream;
  }

  static fromAnswer(
    code: number,
    text: string,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): ApiError {
    const { reason, message } = statusOf(text);
    const hint = message.includes(ourPolicies) ? refusedAccount : '';
    // The API server says it in seconds; a date, which a proxy may send, is left aside.
    const asked = headers['retry-after'];
    const retryAfter =
      typeof asked === 'string' && /^\d+$/u.test(asked) ? { retryAfterMs: Number(asked) * 1000 } : {};
    return new ApiError(code, reason, `${message}${hint}`, retryAfter);
  }
}

function statusOf(text: string): { readonly reason: string; readonly message: string } {
  try {
    const body = JSON.parse(text) as { reason?: unknown; message?: unknown };
    const reason = typeof body.reason === 'string' ? body.reason : 'Unknown';
    return { reason, message: typeof body.message === 'string' ? body.message : '' };
  } catch {
    // A proxy in between answers plain text.
    return { reason: 'Unknown', message: text.slice(0, 200) };
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.code === 403;
}

export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409 && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'AlreadyExists';
}

/** The version that a list or watch asked for is gone: list anew. */
export function isExpired(error: unknown): boolean {
  return (
    error instanceof ApiError && (error.code === 410 || error.reason === 'Expired' || error.reason === 'Gone')
  );
}
