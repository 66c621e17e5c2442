// SPDX-License-Identifier: Apache-2.0
import { pino, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';

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
  /** Takes known secrets out of a whole line. */
  readonly redact: (text: string) => string;
}

/** JSON lines. Every line passes the redactor as text, so that no field and no error can carry a secret out. */
export function createLogger(options: LoggerOptions): Logger {
  const destination: DestinationStream = {
    write: (line) => options.destination.write(options.redact(line)),
  };
  const settings = {
    level: options.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    errorKey: 'error',
  };
  return wrap(pino(settings, destination));
}

function wrap(logger: PinoLogger): Logger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}
