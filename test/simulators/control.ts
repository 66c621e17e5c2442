// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from '../kit/serve.ts';

/** Something that can be done to an emulator while it runs. */
export interface Command {
  readonly name: string;
  /** What it is given, in order: `GROUP MEMBER`; one that may be left out is in brackets, the last may end in `…` for any number. */
  readonly takes: string;
  readonly does: string;
  /** Answers what happened, a line or several. Throws a CommandError for what cannot be done. */
  readonly run: (...given: string[]) => string;
}

/** A command that is none, or that cannot be done; the message says what to give instead. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Takes commands for an emulator at an address of its own on 127.0.0.1: as lines of a POST. A GET answers what there is. */
export function startControl(commands: readonly Command[], port: number) {
  return serve((request, response) => {
    take(commands, request).then(
      ({ status, says }) =>
        response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${says}\n`),
      (error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }, port);
}

interface Said {
  readonly status: number;
  readonly says: string;
}

async function take(commands: readonly Command[], request: IncomingMessage): Promise<Said> {
  if (request.method === 'GET') return { status: 200, says: helpOf(commands) };
  if (request.method !== 'POST') return { status: 405, says: `${request.method}: use GET or POST` };
  const lines = (await text(request)).split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return { status: 400, says: `no command; there are:\n${helpOf(commands)}` };
  const said: string[] = [];
  for (const line of lines) {
    try {
      said.push(runLine(commands, line));
    } catch (error) {
      // What went before is done, what comes after is not.
      if (error instanceof CommandError) return { status: 400, says: [...said, error.message].join('\n') };
      throw error;
    }
  }
  return { status: 200, says: said.join('\n') };
}

function runLine(commands: readonly Command[], line: string): string {
  const [name = '', ...given] = wordsOf(line);
  const command = commands.find((one) => one.name === name);
  if (command === undefined)
    throw new CommandError(`${name}: no such command; use ${commands.map((one) => one.name).join(', ')}`);
  const takes = command.takes.split(' ').filter((word) => word !== '');
  const least = takes.filter((word) => !word.startsWith('[')).length;
  const most = takes.at(-1)?.endsWith('…') === true ? Infinity : takes.length;
  if (given.length < least || given.length > most) {
    const wanted = takes.length === 0 ? 'nothing' : command.takes;
    throw new CommandError(`${name} takes ${wanted}, and was given ${given.length}; put "…" around spaces`);
  }
  return command.run(...given);
}

/** Words apart by spaces; what stands in double quotes may have some. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|[^\s"])+/gu) ?? [];
  if ((line.match(/"/gu)?.length ?? 0) % 2 === 1) throw new CommandError(`${line}: a " is missing`);
  return words.map((word) => word.replaceAll('"', ''));
}

export function helpOf(commands: readonly Command[]): string {
  const shown = commands.map(({ name, takes, does }) => [`${name} ${takes}`.trim(), does] as const);
  const width = Math.max(...shown.map(([call]) => call.length));
  return shown.map(([call, does]) => `${call.padEnd(width)}  ${does}`).join('\n');
}

/** A value of a list; throws with all of them for any other. */
export function oneOf<Value extends string>(what: string, given: string, known: readonly Value[]): Value {
  const found = known.find((value) => value.toLowerCase() === given.toLowerCase());
  if (found === undefined) throw new CommandError(`${what} ${given}: use one of ${known.join(', ')}`);
  return found;
}

/** A whole number of at most six digits. */
export function numberGiven(what: string, given: string, least: number): number {
  const number = /^-?\d{1,6}$/u.test(given) ? Number(given) : NaN;
  if (!(number >= least))
    throw new CommandError(`${what} ${given}: give a whole number from ${least} to 999999`);
  return number;
}

const most = 20;

/** What was found for a text, a line each, twenty at most. */
export function found(text: string, lines: readonly string[]): string {
  if (lines.length === 0) return `nothing has "${text}" in its name`;
  const more = lines.length > most ? [`and ${lines.length - most} more`] : [];
  return [...lines.slice(0, most), ...more].join('\n');
}

/** `throttle`, for requests of a kind. */
export function throttleCommand(what: string, add: (times: number, seconds: number) => void): Command {
  return {
    name: 'throttle',
    takes: 'N [SECONDS]',
    does: `the next N ${what} are answered 429, with Retry-After: SECONDS (1 unless given)`,
    run: (given, wait = '1') => {
      const [times, seconds] = [numberGiven('N', given, 1), numberGiven('SECONDS', wait, 0)];
      add(times, seconds);
      return `the next ${times} ${what} are answered 429 with Retry-After: ${seconds}`;
    },
  };
}
