// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { UnbindRequest, type Message } from 'ldapts';
import { Failure } from '../failure.ts';
import { vendorWords, type Redact } from '../vendor-words.ts';
import { ElementCount, MalformedBer, mostElements, TooManyElements } from './ber.ts';
import { Framing, MessageTooLong } from './framing.ts';
import { readMessage, type LdapMessage, type LdapResult, type RawEntry } from './message.ts';

export interface ConnectionLimits {
  /** Longest silence within an answer. Longer than a directory works on one page, so that its own verdict comes first. */
  readonly silenceMs: number;
  /** Longest time for one whole answer, so that one byte now and then does not hold a run. */
  readonly answerMs: number;
  /** Largest message, which is one entry. */
  readonly maxMessageBytes: number;
  /** Largest answer: all messages of one page. */
  readonly maxAnswerBytes: number;
}

export interface ConnectionOptions extends ConnectionLimits {
  /** `host:port`, for messages. */
  readonly host: string;
  readonly urlField: string;
  readonly signal: AbortSignal;
  readonly redact: Redact;
  readonly monotonicMs: () => number;
  readonly onSent: () => void;
  readonly onBytes: (bytes: number) => void;
  /** Once for each request: its result code, undefined when no answer came. */
  readonly onAnswered: (code: number | undefined, durationMs: number) => void;
}

/** All that came for one request. */
export interface Answer {
  readonly result: LdapResult;
  /** Values of response controls by OID. */
  readonly controls: ReadonlyMap<string, Buffer>;
  readonly entries: readonly RawEntry[];
  readonly references: readonly string[];
}

type Expected = 'bind' | 'extended' | 'done';

interface Pending {
  readonly what: string;
  readonly expected: Expected;
  readonly entries: RawEntry[];
  readonly references: string[];
  readonly silence: NodeJS.Timeout;
  bytes: number;
  elements: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (failure: Failure) => void;
}

const goodbyeMs = 1_000;

/**
 * Requests and answers over one socket that is connected. Whatever goes wrong ends it for good: a connection that was lost is never made
 * anew here, since the new one would belong to nobody.
 */
export class LdapConnection {
  private readonly options: ConnectionOptions;
  private socket: Socket;
  private framing: Framing;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private trouble: ((what: string) => Failure) | undefined;
  private readonly stop = () => this.end(() => stopped(this.options.signal));

  constructor(socket: Socket, options: ConnectionOptions) {
    this.options = options;
    this.socket = socket;
    this.framing = new Framing(options.maxMessageBytes);
    this.listen();
    options.signal.addEventListener('abort', this.stop, { once: true });
    if (options.signal.aborted) this.stop();
  }

  get usable(): boolean {
    return this.trouble === undefined;
  }

  /** Sends a request that `build` makes for its id, and answers what came for it, whatever the result. Throws a Failure. */
  async exchange(what: string, expected: Expected, build: (messageId: number) => Message): Promise<Answer> {
    const { options } = this;
    if (this.trouble !== undefined) throw this.trouble(what);
    this.lastId += 1;
    const id = this.lastId;
    const bytes = build(id).write();
    const startedMs = options.monotonicMs();
    let code: number | undefined;
    options.onSent();
    try {
      const answer = await this.answerTo(id, what, expected, bytes);
      code = answer.result.code;
      return answer;
    } finally {
      options.onAnswered(code, options.monotonicMs() - startedMs);
    }
  }

  /** Goes on over another socket that carries the same connection: TLS after StartTLS. */
  async upgrade(secured: (socket: Socket) => Promise<Socket>): Promise<void> {
    const plain = this.socket;
    this.unlisten();
    // What came in the clear behind the answer would be taken for something that came over TLS.
    if (this.framing.pendingBytes > 0 || this.pending.size > 0) {
      plain.destroy();
      const { host } = this.options;
      throw new Failure(
        'contract',
        `StartTLS: ${host} sends more in the clear after its answer; do not trust this network`,
      );
    }
    this.socket = await secured(plain);
    this.framing = new Framing(this.options.maxMessageBytes);
    this.listen();
  }

  /** Says goodbye where that is possible. */
  async close(): Promise<void> {
    const { socket } = this;
    if (this.usable && !socket.destroyed) {
      const gone = once(socket, 'close', { signal: AbortSignal.timeout(goodbyeMs) });
      this.lastId += 1;
      socket.end(new UnbindRequest({ messageId: this.lastId }).write());
      // A server that does not close its side is not waited for any longer.
      await gone.catch(() => undefined);
    }
    this.destroy();
  }

  destroy(): void {
    this.end((what) => new Failure('unavailable', `${what}: the connection was closed`));
  }

  private answerTo(id: number, what: string, expected: Expected, bytes: Buffer): Promise<Answer> {
    const { silenceMs, answerMs } = this.options;
    const late = (forMs: number, words: string) => () =>
      this.end(
        () => new Failure('unavailable', `${what}: ${words} ${forMs / 1000} s; lower spec.limits.pageSize`),
      );
    const silence = setTimeout(late(silenceMs, 'the directory says nothing for'), silenceMs);
    const whole = setTimeout(late(answerMs, 'the answer takes longer than'), answerMs);
    return new Promise<Answer>((resolve, reject) => {
      const state = { what, expected, entries: [], references: [], silence, bytes: 0, elements: 0 };
      this.pending.set(id, { ...state, resolve, reject });
      this.socket.write(bytes);
    }).finally(() => {
      clearTimeout(silence);
      clearTimeout(whole);
      this.pending.delete(id);
    });
  }

  private readonly onData = (chunk: Buffer): void => {
    // Whatever goes wrong here concerns this connection: thrown out of an event it would end the process.
    try {
      this.options.onBytes(chunk.length);
      for (const { silence } of this.pending.values()) silence.refresh();
      for (const bytes of this.framing.push(chunk)) {
        const counted = new ElementCount();
        this.received(readMessage(bytes, counted), bytes.length, counted.count);
        if (!this.usable) return;
      }
    } catch (error) {
      this.end((what) => this.unreadable(error, what));
    }
  };

  private readonly onError = (error: NodeJS.ErrnoException): void => {
    const code = error.code ?? error.name;
    this.end(
      (what) => new Failure('unavailable', `${what}: the connection broke (${code})`, { cause: error }),
    );
  };

  private readonly onClose = (): void => {
    const cut = this.framing.pendingBytes > 0 ? ', amid an answer' : '';
    this.end(
      (what) => new Failure('unavailable', `${what}: ${this.options.host} closed the connection${cut}`),
    );
  };

  private received(message: LdapMessage, bytes: number, elements: number): void {
    // Only a server that is about to end the connection speaks unasked: Notice of Disconnection, RFC 4511 section 4.4.1.
    if (message.id === 0) return this.end((what) => this.farewell(message, what));
    const pending = this.pending.get(message.id);
    if (pending === undefined) return this.end((what) => this.confused(what, 'an answer to no request'));
    pending.bytes += bytes;
    pending.elements += elements;
    const { maxAnswerBytes } = this.options;
    if (pending.bytes > maxAnswerBytes) return this.end((what) => this.tooLong(what, maxAnswerBytes));
    if (pending.elements > mostElements) return this.end((what) => this.tooMany(what));
    if (message.kind === 'entry' && pending.expected === 'done') {
      pending.entries.push(message.entry);
    } else if (message.kind === 'reference' && pending.expected === 'done') {
      for (const url of message.urls) pending.references.push(url);
    } else if (message.kind === pending.expected && 'result' in message) {
      const controls = 'controls' in message ? message.controls : new Map<string, Buffer>();
      const { entries, references } = pending;
      pending.resolve({ result: message.result, controls, entries, references });
      this.pending.delete(message.id);
    } else {
      this.end((what) => this.confused(what, 'an answer of another kind'));
    }
  }

  private unreadable(error: unknown, what: string): Failure {
    if (error instanceof MessageTooLong) return this.tooLong(what, error.bytes);
    if (error instanceof TooManyElements) return this.tooMany(what);
    if (error instanceof MalformedBer) return this.confused(what, error.message, error);
    const name = error instanceof Error ? error.name : typeof error;
    const message = `${what}: what ${this.options.host} sent could not be taken in (${name}); this is an error of the operator, report it`;
    return new Failure('internal', message, { cause: error });
  }

  private confused(what: string, found: string, cause?: Error): Failure {
    const { host, urlField } = this.options;
    const message = `${what}: ${host} sends no LDAP that can be read (${found}); check ${urlField} and its port`;
    return new Failure('contract', message, { cause });
  }

  private tooLong(what: string, bytes: number): Failure {
    const { maxAnswerBytes, maxMessageBytes } = this.options;
    const bounds = `one entry may have ${maxMessageBytes} bytes and one page ${maxAnswerBytes}`;
    return new Failure(
      'contract',
      `${what}: the answer has ${bytes} bytes or more; ${bounds}; lower spec.limits.pageSize`,
    );
  }

  private tooMany(what: string): Failure {
    const message = `${what}: the answer is made of more than ${mostElements} values, which is the most that is read of one page; lower spec.limits.pageSize, or narrow the bases`;
    return new Failure('contract', message);
  }

  private farewell(message: LdapMessage, what: string): Failure {
    const { host, redact } = this.options;
    const result = 'result' in message ? message.result : undefined;
    const said = result === undefined ? '' : ` (${result.code}, "${vendorWords(result.text, redact)}")`;
    return new Failure('unavailable', `${what}: ${host} ends the connection${said}`);
  }

  /** For good: whoever waits learns why, and so does whoever asks later. */
  private end(trouble: (what: string) => Failure): void {
    if (this.trouble !== undefined) return;
    this.trouble = trouble;
    this.options.signal.removeEventListener('abort', this.stop);
    this.unlisten();
    this.socket.destroy();
    for (const { what, reject } of this.pending.values()) reject(trouble(what));
    this.pending.clear();
  }

  private listen(): void {
    this.socket.on('data', this.onData).on('error', this.onError).on('close', this.onClose);
  }

  private unlisten(): void {
    this.socket.off('data', this.onData).off('error', this.onError).off('close', this.onClose);
  }
}

export function stopped(signal: AbortSignal): Failure {
  return new Failure('cancelled', 'the run was stopped', { cause: signal.reason });
}
