// SPDX-License-Identifier: Apache-2.0

/** Where a command reads and writes; handed in, so that tests run commands in this process. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** A command answers its exit status; InputError means 2. */
export type Command = (args: readonly string[], streams: Streams) => Promise<number>;
