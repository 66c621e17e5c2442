// SPDX-License-Identifier: Apache-2.0

/** Where a command reads and writes; handed in, so that tests run commands in this process. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** A command answers its exit status; InputError means 2, CommandFailed 1. */
export type Command = (args: readonly string[], streams: Streams) => Promise<number>;

export interface CommandEntry {
  readonly run: Command;
  readonly usage: string;
}

/** The input was usable, but what was asked for could not be done; the message says why and what helps, in a sentence. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}
