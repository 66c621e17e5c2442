// SPDX-License-Identifier: Apache-2.0

/** An answer as a value, so that an item of a batch can carry it too. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A request that is answered with an error. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`the emulator refuses with ${reply.status}`);
    this.reply = reply;
  }
}

export function ok(body: unknown): Reply {
  return { status: 200, body };
}

/** An error as Graph has it; the server adds `innerError` with the ids of the request. */
export function graphError(
  status: number,
  code: string,
  message = 'The emulator refuses this.',
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers, body: { error: { code, message } } };
}

export function refuse(...error: Parameters<typeof graphError>): never {
  throw new Refusal(graphError(...error));
}
