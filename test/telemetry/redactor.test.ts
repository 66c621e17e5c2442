// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basicAuthorization, credentialsFrom } from '../../src/connector/credentials.ts';
import { createLogger, type Logger } from '../../src/telemetry/logger.ts';
import { Redactor } from '../../src/telemetry/redactor.ts';

function knowing(...values: readonly string[]): Redactor {
  const redactor = new Redactor();
  redactor.learn('inventory/cmdb', values);
  return redactor;
}

function logging(redactor: Redactor): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'debug',
    destination: { write: (line) => lines.push(line) },
    redact: (text) => redactor.redact(text),
  });
  return { logger, lines };
}

describe('a text', () => {
  it.each([
    ['as it is', 'hunter22', 'no hunter22 here'],
    ['in base64', 'hunter22', Buffer.from('hunter22').toString('base64')],
    ['in a URL', 'p&ss/w?rd', `q=${encodeURIComponent('p&ss/w?rd')}`],
    ['in a form', "p ss'word", new URLSearchParams({ password: "p ss'word" }).toString()],
    ['in JSON', 'quo"te\\d', JSON.stringify({ password: 'quo"te\\d' })],
    ['in JSON in JSON', 'quo"te\\d', JSON.stringify({ body: JSON.stringify({ password: 'quo"te\\d' }) })],
  ])('holds no secret %s', (_how, secret, text) => {
    const clean = knowing(secret).redact(text);
    expect(clean).toContain('[redacted]');
    expect(clean).not.toContain(secret);
  });

  it('keeps no end of secrets that overlap, of whichever system', () => {
    const redactor = knowing('secret', 'cretly');
    redactor.learn('inventory/other', ['secret-and-longer']);
    expect(redactor.redact('a secret-and-longer b secretly c')).toBe('a [redacted] b [redacted] c');
  });

  it('may hold single lines of a key, which are secrets too', () => {
    const key =
      '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\nw0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----';
    const clean = knowing(key).redact('at MIIEvQIBADANBgkqhkiG: bad');
    expect(clean).toBe('at [redacted]: bad');
  });

  it('holds no token that came later, the newest of them at least, until the system is forgotten', () => {
    const redactor = knowing('hunter22');
    for (let number = 100; number < 150; number += 1) redactor.add('inventory/cmdb', `token-${number}`);
    redactor.add('inventory/other', 'token-of-another');
    redactor.learn('inventory/cmdb', ['hunter33']);
    expect(redactor.redact('hunter33 token-149 token-135 token-of-another')).toBe(
      '[redacted] [redacted] [redacted] [redacted]',
    );
    redactor.forget('inventory/cmdb');
    expect(redactor.redact('token-149 token-of-another')).toBe('token-149 [redacted]');
  });

  it('is untouched where nothing is known, after forgetting, and for values too short to tell', () => {
    const redactor = knowing('abc');
    expect(redactor.redact('abcdef')).toBe('abcdef');
    redactor.learn('inventory/cmdb', ['hunter22']);
    redactor.forget('inventory/cmdb');
    expect(redactor.redact('hunter22')).toBe('hunter22');
  });

  it('holds no secret whatever stands around it', () => {
    const secret = fc.string({ minLength: 4, maxLength: 20 });
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const clean = knowing(value).redact(before + value + after);
        // The mask's own letters may make up a very odd secret.
        fc.pre(!'[redacted]'.includes(value));
        expect(clean.replaceAll('[redacted]', '\u0000')).not.toContain(value);
      }),
    );
  });
});

describe('a log line', () => {
  it('stays JSON and holds no secret, in whatever field, error or message it stood', () => {
    const secret = fc
      .string({ minLength: 4, maxLength: 20 })
      .filter((value) => !'[redacted]'.includes(value));
    fc.assert(
      fc.property(secret, (value) => {
        const { logger, lines } = logging(knowing(value));
        const error = new Error(`refused ${value}`, { cause: new Error(value) });
        logger
          .with({ [value]: 1 })
          .warn(`tried ${value}`, { url: `https://x/?k=${value}`, deep: [{ value }], error });
        expect(lines).toHaveLength(1);
        const texts = textsOf(JSON.parse(lines[0] ?? ''));
        for (const text of texts) expect(text.replaceAll('[redacted]', '\u0000')).not.toContain(value);
      }),
    );
  });

  it.each(['hasOwnProperty', 'toString', 'constructor', 'valueOf', 'toJSON', 'msg', 'error'])(
    'may have a field called %s',
    (name) => {
      const { logger, lines } = logging(knowing('hunter22'));
      logger.with({ [name]: 'of the run' }).info('run ended', { count: 5 });
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ count: 5 });
    },
  );

  it('keeps its other fields as they are', () => {
    const { logger, lines } = logging(knowing('hunter22'));
    logger.info('run ended', { system: 'inventory/cmdb', count: 5, nothing: null, said: 'hunter22' });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      msg: 'run ended',
      system: 'inventory/cmdb',
      count: 5,
      nothing: null,
      said: '[redacted]',
    });
  });

  it('below the level is not written', () => {
    const lines: string[] = [];
    const logger = createLogger({
      level: 'warn',
      destination: { write: (line) => lines.push(line) },
      redact: String,
    });
    logger.info('quiet');
    logger.error('loud');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['loud']);
  });
});

describe('credentials', () => {
  const data = { username: 'reader', password: 'hunter22' };
  const encoded = Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(`${value}\n`).toString('base64')]),
  );
  const credentials = credentialsFrom('Basic', { namespace: 'inventory', name: 'login', data: encoded });

  it('lose the newline that editors add', () => {
    expect(credentials.value('password')).toBe('hunter22');
  });

  it('are known in the form that HTTP Basic sends; the name alone is no secret', () => {
    const redactor = knowing(...credentials.secrets);
    expect(redactor.redact(basicAuthorization('reader', 'hunter22'))).toBe('Basic [redacted]');
    expect(redactor.redact('reader may not read cmdb_ci')).toBe('reader may not read cmdb_ci');
  });

  it('say which key of which Secret is missing or empty', () => {
    const some = credentialsFrom('Basic', { namespace: 'inventory', name: 'login', data: { password: '' } });
    expect(() => some.value('username')).toThrow('Secret inventory/login has no key username; add it');
    expect(() => some.value('password')).toThrow('Secret inventory/login: key password is empty; set it');
  });
});

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner)]);
}
