// SPDX-License-Identifier: Apache-2.0
import {
  pino,
  stdSerializers,
  stdTimeFunctions,
  type DestinationStream,
  type Logger as PinoLogger,
} from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Facts of a log line; the message is a constant. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger whose every line carries these fields: the correlation id of a run, above all. */
  with(fields: Fields): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly destination: DestinationStream;
  /** Takes known secrets out of a text. */
  readonly redact: (text: string) => string;
}

/** JSON lines. Every line passes the redactor, so that no field and no error can carry a secret out. */
export function createLogger(options: LoggerOptions): Logger {
  const { redact } = options;
  const destination: DestinationStream = {
    write: (line) => options.destination.write(redact(line) === line ? line : redactLine(line, redact)),
  };
  const settings = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    errorKey: 'error',
    serializers: { error: withoutNeedlessStack },
  };
  return wrap(pino(settings, destination));
}

/** Classes of Node and of the language: one of these that reaches the log may be a bug, and its stack says where. */
const unforeseen: ReadonlySet<string> = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'AggregateError',
  'AssertionError',
]);

/** An error with a name of its own (a refusal of the database, an answer of the API server) is a sentence for a person. */
function withoutNeedlessStack(error: Error): unknown {
  const facts: unknown = stdSerializers.err(error);
  if (!(error instanceof Error) || unforeseen.has(error.name)) return facts;
  return { ...(facts as object), stack: undefined };
}

/** Redacts texts and names, never the marks between them: a password that looks like JSON must not break the line. */
function redactLine(line: string, redact: (text: string) => string): string {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return redact(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [redact(key), walk(inner)]));
  };
  return `${JSON.stringify(walk(JSON.parse(line)))}\n`;
}

/** The fields of `with` are kept here: pino's own children stumble over a field called hasOwnProperty. */
function wrap(logger: PinoLogger, always: Fields = {}): Logger {
  const all = (fields: Fields = {}) => ({ ...always, ...fields });
  return {
    debug: (message, fields) => logger.debug(all(fields), message),
    info: (message, fields) => logger.info(all(fields), message),
    warn: (message, fields) => logger.warn(all(fields), message),
    error: (message, fields) => logger.error(all(fields), message),
    with: (fields) => wrap(logger, all(fields)),
  };
}
