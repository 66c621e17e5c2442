// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fastClock } from './clocks.ts';
import { accountOn, answer, good, opened, vendor, type Handler } from './vendor.ts';

let server: Awaited<ReturnType<typeof vendor>>;

beforeEach(async () => {
  server = await vendor();
});
afterEach(() => server[Symbol.asyncDispose]());

const to = (location: string) => answer(307, '', { location });

/** Answers by path. */
function along(paths: Readonly<Record<string, Handler>>): Handler {
  return (request, response, count) =>
    (paths[request.url ?? ''] ?? answer(200, good))(request, response, count);
}

describe('a redirect', () => {
  it('within the origin is followed, each hop in its turn on the budget and in the count', async () => {
    const clock = fastClock();
    const sentAtMs: number[] = [];
    server.answers((request, response, count) => {
      sentAtMs.push(clock.monotonicMs());
      along({ '/rows': to('/b'), '/b': to(`${server.url}/c?page=2`) })(request, response, count);
    });
    await using up = opened(server.url, { clock, budget: accountOn(clock, 1, 4) });
    await up.get();
    expect(server.asked.map(({ path }) => path)).toEqual(['/rows', '/b', '/c?page=2']);
    expect(sentAtMs).toEqual([0, 250, 500]);
    expect(up.results).toEqual([307, 307, 200]);
    expect(up.usage.requests).toBe(3);
  });

  it('to a vendor that says wait holds back the account like any answer', async () => {
    const clock = fastClock();
    const budget = accountOn(clock);
    server.answers(along({ '/rows': to('/b'), '/b': answer(429, '{}', { 'retry-after': '7' }) }));
    await using up = opened(server.url, { clock, budget, maxRetries: 0 });
    await expect(up.get()).rejects.toMatchObject({ code: 'throttled' });
    expect(budget.pausedForMs).toBe(7000);
  });

  it.each([
    ['elsewhere', 'https://evil.example.com/', 1, 'redirected to https://evil.example.com, another origin'],
    ['to no URL', 'http://[', 1, 'redirected to "http://[", which is no URL; check spec.connector.x.url'],
    ['for ever', '/rows', 4, 'redirected 4 times'],
  ])('%s is final and says why', async (_what, location, requests, said) => {
    server.answers(to(location));
    await using up = opened(server.url);
    await expect(up.get()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(said),
    });
    expect(server.asked).toHaveLength(requests);
    expect(up.usage.requests).toBe(requests);
  });

  it('of anything but a GET is not followed', async () => {
    server.answers(to('/b'));
    await using up = opened(server.url);
    await expect(up.get({ method: 'POST', json: {} })).rejects.toMatchObject({ code: 'configuration' });
    expect(server.asked).toHaveLength(1);
  });

  it('with a body that cannot be read is followed all the same', async () => {
    server.answers(along({ '/rows': answer(307, 'no', { location: '/b', 'content-encoding': 'gzip' }) }));
    await using up = opened(server.url);
    expect((await up.get()).body).toEqual({ result: ['a'] });
    expect(server.asked).toHaveLength(2);
  });
});
