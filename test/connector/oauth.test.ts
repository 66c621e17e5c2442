// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialsFrom } from '../../src/connector/credentials.ts';
import type { HttpClient } from '../../src/connector/http.ts';
import { grantOf, OAuthTokens } from '../../src/connector/oauth.ts';
import { openUpstream } from '../../src/connector/upstream.ts';
import { serve } from '../kit/serve.ts';
import { fastClock } from './clocks.ts';
import { accountOn } from './vendor.ts';

const canary = 'canary-of-the-client-9917';
const Body = Compile(Type.Object({ result: Type.Array(Type.String()) }));

type TokenAnswer = (form: URLSearchParams) => {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
};

/** A vendor with a token endpoint, and data for whoever has the newest token. */
class Vendor {
  readonly forms: URLSearchParams[] = [];
  readonly data: (string | undefined)[] = [];
  /** Tokens that the data takes; default the newest one. */
  accepts = (token: string) => token === `Bearer token-${this.tokens}`;
  tokens = 0;
  answer: TokenAnswer = () => ({ body: this.next() });
  url = '';
  stop = async (): Promise<void> => undefined;

  next(fields: object = {}) {
    this.tokens += 1;
    return { access_token: `token-${this.tokens}`, token_type: 'bearer', expires_in: 1800, ...fields };
  }

  async start(): Promise<void> {
    ({ url: this.url, stop: this.stop } = await serve((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/token') {
        text(request).then(
          (form) => this.giveToken(new URLSearchParams(form), response),
          (error: Error) => response.destroy(error),
        );
        return;
      }
      const sent = request.headers.authorization;
      this.data.push(sent);
      const good = sent !== undefined && this.accepts(sent);
      response.writeHead(good ? 200 : 401).end(good ? '{"result":["a"]}' : '{"error":"token refused"}');
    }));
  }

  private giveToken(form: URLSearchParams, response: ServerResponse): void {
    this.forms.push(form);
    const { status = 200, body, headers = {} } = this.answer(form);
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  }
}

let vendor: Vendor;
beforeEach(async () => {
  vendor = new Vendor();
  await vendor.start();
});
afterEach(() => vendor.stop());

function session(
  secret: Readonly<Record<string, string>> = {},
  maxRetries = 2,
  assertion?: (now: Date) => string,
) {
  const clock = fastClock();
  const learnt: string[] = [];
  const time = { ms: Date.parse('2026-03-01T00:00:00Z') };
  const now = () => new Date(time.ms);
  const data = { clientId: 'client', clientSecret: canary, ...secret };
  const credentials = credentialsFrom('OAuth2', {
    namespace: 'inventory',
    name: 'login',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, btoa(value)])),
  });
  const redact = (said: string) => said.replaceAll(canary, '[redacted]');
  const upstream = openUpstream({
    correlationId: 'run-1',
    userAgent: 'test',
    signal: new AbortController().signal,
    remainingMs: () => 600_000,
    budget: accountOn(clock, 1),
    maxRetries,
    addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
    urlField: 'spec.connector.x.url',
    clock,
    now,
    random: () => 0.5,
    onRequest: () => undefined,
    redact,
  });
  const http = (options: Parameters<typeof upstream.http>[0]): HttpClient => upstream.http(options);
  const learnSecret = (value: string) => void learnt.push(value);
  const tokens = new OAuthTokens(
    { credentials, http, learnSecret, redact, now },
    {
      endpoint: new URL('/token', vendor.url),
      clientId: credentials.value('clientId'),
      ...(assertion === undefined
        ? { clientSecret: credentials.value('clientSecret') }
        : { assertion: () => assertion(now()) }),
      grant: grantOf(credentials),
      fields: { scope: 'read' },
      remedy: 'look at the registry',
    },
  );
  const client = http({
    baseUrl: new URL(vendor.url),
    authorize: (headers) => tokens.authorize(headers),
    onUnauthorized: async (sent) => tokens.onUnauthorized(sent),
  });
  return {
    clock,
    time,
    learnt,
    get: () => client.json({ subject: 'rows', path: '/rows' }, Body),
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}

const grants = () => vendor.forms.map((form) => form.get('grant_type'));

describe('a token', () => {
  it('is asked for by form, once for all requests that need it, and made known to the redactor', async () => {
    await using run = session();
    await Promise.all([run.get(), run.get(), run.get()]);
    await run.get();
    expect(vendor.forms.map((form) => Object.fromEntries(form))).toEqual([
      { grant_type: 'client_credentials', client_id: 'client', client_secret: canary, scope: 'read' },
    ]);
    expect(vendor.data).toEqual(Array.from({ length: 4 }, () => 'Bearer token-1'));
    expect(run.learnt).toEqual(['token-1']);
  });

  it.each([
    ['a minute before its end', 1800, 1_739_000, 1_741_000],
    ['at half its life when that is shorter', 40, 19_000, 21_000],
  ])('is renewed %s', async (_, seconds, before, after) => {
    vendor.answer = () => ({ body: vendor.next({ expires_in: seconds }) });
    await using run = session();
    await run.get();
    run.time.ms += before;
    await run.get();
    expect(vendor.tokens).toBe(1);
    run.time.ms += after - before;
    await run.get();
    expect(vendor.data).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  });

  it('that comes again because it is still valid is used to its end, not asked for before each request', async () => {
    vendor.tokens = 1;
    const endsMs = Date.parse('2026-03-01T00:00:50Z');
    await using run = session();
    vendor.answer = () => ({
      body:
        run.time.ms < endsMs
          ? { access_token: 'token-1', expires_in: String(Math.floor((endsMs - run.time.ms) / 1000)) }
          : vendor.next(),
    });
    for (let second = 0; second < 50; second += 1) {
      await run.get();
      run.time.ms += 1000;
    }
    expect(vendor.forms).toHaveLength(2);
    await run.get();
    expect(vendor.data.at(-1)).toBe('Bearer token-2');
    expect(vendor.forms).toHaveLength(3);
  });

  it('without a lifetime is used until it is refused', async () => {
    vendor.answer = () => ({ body: vendor.next({ expires_in: undefined }) });
    await using run = session();
    await run.get();
    run.time.ms += 365 * 24 * 3_600_000;
    await run.get();
    expect(vendor.tokens).toBe(1);
  });

  it('that is refused is renewed once for all requests that were sent with it', async () => {
    await using run = session();
    await run.get();
    vendor.accepts = (sent) => sent === 'Bearer token-2';
    await Promise.all([run.get(), run.get(), run.get()]);
    expect(vendor.tokens).toBe(2);
    expect(vendor.data.filter((sent) => sent === 'Bearer token-2')).toHaveLength(3);
  });

  it('that is refused though it is fresh is a credentials failure, after one more try', async () => {
    vendor.accepts = () => false;
    await using run = session();
    await expect(run.get()).rejects.toMatchObject({ code: 'credentials' });
    expect(vendor.data).toEqual(['Bearer token-1', 'Bearer token-2']);
  });
});

describe('the password grant', () => {
  const user = { username: 'reader', password: 'canary-of-the-user' };

  it('refreshes by the refresh token, which the redactor knows too', async () => {
    vendor.answer = () => ({ body: vendor.next({ refresh_token: 'refresh-1' }) });
    await using run = session(user);
    await run.get();
    run.time.ms += 1_800_000;
    await run.get();
    expect(grants()).toEqual(['password', 'refresh_token']);
    expect(Object.fromEntries(vendor.forms[0] ?? [])).toMatchObject(user);
    expect(vendor.forms[1]?.get('refresh_token')).toBe('refresh-1');
    expect(run.learnt).toEqual(['token-1', 'refresh-1', 'token-2', 'refresh-1']);
  });

  it('begins anew when the refresh token has ended', async () => {
    vendor.answer = (form) =>
      form.get('grant_type') === 'refresh_token'
        ? { status: 400, body: { error: 'invalid_grant' } }
        : { body: vendor.next({ refresh_token: `refresh-${vendor.tokens}` }) };
    await using run = session(user);
    await run.get();
    run.time.ms += 1_800_000;
    await run.get();
    expect(grants()).toEqual(['password', 'refresh_token', 'password']);
    expect(vendor.data.at(-1)).toBe('Bearer token-2');
  });

  it('is not silently another grant when the user name is missing', async () => {
    expect(() => session({ password: 'x' })).toThrow(
      'Secret inventory/login has a key password but no username; add username for the password grant, or remove password',
    );
    expect(() => session({ username: 'x' })).toThrow('Secret inventory/login has no key password; add it');
  });
});

describe('a token endpoint', () => {
  it.each([
    [400, { error: 'invalid_client', error_description: `unknown secret ${canary}` }, 'invalid_client'],
    [401, { error: 'invalid_grant' }, 'invalid_grant'],
    [401, { error: { message: 'access_denied' } }, 'access_denied'],
    [403, '<html>no</html>', 'no message'],
  ])('that refuses by %i %j is a credentials failure that names the Secret', async (status, body, said) => {
    vendor.answer = () => ({ status, body });
    await using run = session();
    const failed = await run.get().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'credentials' });
    const { message } = failed as Error;
    expect(message).toContain(`client_credentials was refused (${status}, ${said}`);
    expect(message).toMatch(
      /correct clientId and clientSecret in Secret inventory\/login, or look at the registry/u,
    );
    expect(message).not.toContain(canary);
    expect(vendor.forms).toHaveLength(1);
    expect(vendor.data).toEqual([]);
  });

  it.each([
    [429, { 'retry-after': '500' }],
    [503, {}],
  ])(
    'that answers %i is asked again with an assertion that is made then, and known as a secret',
    async (status, headers) => {
      await using run = session({}, 2, (now) => `assertion of ${now.toISOString()}`);
      vendor.answer = () => {
        if (vendor.forms.length > 1) return { body: vendor.next() };
        run.time.ms += 1_200_000;
        return { status, headers, body: '' };
      };
      await run.get();
      const sent = vendor.forms.map((form) => form.get('client_assertion'));
      expect(sent).toEqual([
        'assertion of 2026-03-01T00:00:00.000Z',
        'assertion of 2026-03-01T00:20:00.000Z',
      ]);
      expect(run.learnt).toEqual([...sent, 'token-1']);
    },
  );

  it('that is away is asked as often as a request, not once more for each try of the request', async () => {
    vendor.answer = () => ({ status: 503, body: '' });
    await using run = session();
    await expect(run.get()).rejects.toMatchObject({ code: 'unavailable' });
    expect(vendor.forms).toHaveLength(3);
  });

  it('that throttles is waited for on the budget of the account', async () => {
    let count = 0;
    vendor.answer = () =>
      ++count === 1 ? { status: 429, body: '', headers: { 'retry-after': '7' } } : { body: vendor.next() };
    await using run = session();
    await run.get();
    expect(run.clock.slept).toContain(7000);
  });

  it.each([
    ['of another form', { token: 'x' }, 'contract'],
    ['with another kind of token', { access_token: 'token-1', token_type: 'mac' }, 'contract'],
    ['that is a page', '<html></html>', 'unavailable'],
  ])('that answers %s ends as what it is, and quotes nothing of it', async (_, body, code) => {
    vendor.answer = () => ({ body });
    await using run = session({}, 0);
    const failed = await run.get().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code });
    expect((failed as Error).message).not.toContain('token-1');
  });
});
