// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ApiError,
  isAlreadyExists,
  isConflict,
  isExpired,
  isNotFound,
} from '../../src/operator/api-error.ts';
import { KubeClient, type KubeRequest } from '../../src/operator/kube-client.ts';
import { ScriptedApi } from './scripted-api.ts';

const widgets = { group: 'example.com', version: 'v1', plural: 'widgets' };
const one = { verb: 'get', resource: widgets, namespace: 'shop', name: 'one' } as const satisfies KubeRequest;
const create = { verb: 'create', resource: widgets, namespace: 'shop', body: { kind: 'Widget' } } as const;

let api: ScriptedApi;
let client: KubeClient;
let requests: string[];

beforeEach(async () => {
  api = await ScriptedApi.start();
  requests = [];
  client = new KubeClient(
    api.kubeConfig(),
    ({ verb, resource, code }) => requests.push(`${verb} ${resource} ${code}`),
    () => 0,
  );
});

afterEach(async () => {
  await client.close();
  await api.stop();
});

describe('a request', () => {
  test.each([
    [one, 'GET', '/apis/example.com/v1/namespaces/shop/widgets/one', undefined],
    [create, 'POST', '/apis/example.com/v1/namespaces/shop/widgets', 'application/json'],
    [
      { ...one, verb: 'update', subresource: 'status', body: {} },
      'PUT',
      '/apis/example.com/v1/namespaces/shop/widgets/one/status',
      'application/json',
    ],
    [
      { ...one, verb: 'patch', body: {} },
      'PATCH',
      '/apis/example.com/v1/namespaces/shop/widgets/one',
      'application/merge-patch+json',
    ],
    [
      {
        verb: 'get',
        resource: { group: '', version: 'v1', plural: 'secrets' },
        namespace: 'shop',
        name: 'a/b',
      },
      'GET',
      '/api/v1/namespaces/shop/secrets/a%2Fb',
      undefined,
    ],
  ] as const)('%# is sent as the API wants it', async (request, method, path, contentType) => {
    const answer = client.send(request);
    const exchange = await api.next(method);
    expect(exchange.path).toBe(path);
    expect(exchange.headers['content-type']).toBe(contentType);
    expect(exchange.headers.authorization).toBe('Bearer token-of-the-test');
    exchange.answer(200, { done: true });
    await expect(answer).resolves.toEqual({ done: true });
  });

  test('is counted each time it is sent, also when nobody answers', async () => {
    const answer = client.send(one);
    (await api.next('GET')).reset();
    (await api.next('GET')).answer(429, {}, { 'retry-after': '0' });
    (await api.next('GET')).answer(200, {});
    await answer;
    expect(requests).toEqual(['get widgets 0', 'get widgets 429', 'get widgets 200']);
  });

  test('ends with its signal', async () => {
    const abort = new AbortController();
    const answer = client.send({ ...create, signal: abort.signal });
    await api.next('POST');
    abort.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
  });
});

describe('a refusal', () => {
  test.each([
    [404, 'NotFound', isNotFound],
    [409, 'Conflict', isConflict],
    [409, 'AlreadyExists', isAlreadyExists],
    [410, 'Expired', isExpired],
  ])('%i %s is told apart', async (code, reason, is) => {
    const answer = client.send(create);
    (await api.next('POST')).answer(code, { kind: 'Status', reason, message: 'no' });
    const error: unknown = await answer.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, reason, message: `API server: ${code} ${reason}: no` });
    expect([isNotFound, isConflict, isAlreadyExists, isExpired].filter((kind) => kind(error))).toEqual([is]);
  });

  test('without a Status is one too', async () => {
    const answer = client.send(create);
    (await api.next('POST')).answer(502, '<html>bad gateway</html>');
    await expect(answer).rejects.toMatchObject({ code: 502, reason: 'Unknown', retryAfterMs: undefined });
  });

  test('for overload is tried again no sooner than asked, a write too', async () => {
    const answer = client.send(create);
    const refused = await api.next('POST');
    refused.answer(429, { reason: 'TooManyRequests' }, { 'retry-after': '1' });
    const again = await api.next('POST');
    expect(again.atMs - refused.atMs).toBeGreaterThanOrEqual(990);
    expect(again.body).toBe(refused.body);
    again.answer(201, {});
    await answer;
  });

  test('that goes on is given up after three more tries', async () => {
    const answer = client.send(create);
    const caught = answer.catch((error: unknown) => error);
    for (let count = 0; count < 4; count += 1) {
      (await api.next('POST')).answer(503, { reason: 'ServiceUnavailable' }, { 'retry-after': '0' });
    }
    expect(await caught).toBeInstanceOf(ApiError);
  });

  test.each([
    ['429 for longer than we want to wait', 429, { 'retry-after': '60' }],
    ['500 that says nothing of trying again', 500, {}],
    ['503 with a date of a proxy', 503, { 'retry-after': 'Tue, 24 Nov 2026 12:00:00 GMT' }],
  ])('%s is the end of a write', async (_, code, headers) => {
    const answer = client.send(create);
    (await api.next('POST')).answer(code, {}, headers);
    await expect(answer).rejects.toMatchObject({ code });
  });
});

describe('a broken connection', () => {
  test('never repeats a write: it may have been done', async () => {
    const answer = client.send(create);
    const caught = answer.catch((error: unknown) => error);
    (await api.next('POST')).reset();
    expect(await caught).toBeInstanceOf(Error);
    expect(requests).toEqual(['create widgets 0']);
  });

  test('within the body of an answer repeats a read', async () => {
    const answer = client.send(one);
    const broken = await api.next('GET');
    broken.open();
    await broken.write('{"half":');
    broken.reset();
    (await api.next('GET')).answer(200, { whole: true });
    await expect(answer).resolves.toEqual({ whole: true });
  });
});

describe('an answer', () => {
  test('that is no JSON is not quoted: it may be a Secret', async () => {
    const answer = client.send(one);
    (await api.next('GET')).answer(200, 'cGFzc3dvcmQ= {"data":');
    const error: unknown = await answer.catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/get widgets is no JSON/);
    expect(String(error)).not.toContain('cGFzc3dvcmQ');
  });

  test('larger than any of ours is not read to its end', async () => {
    const answer = client.send({ ...one, retries: 0 });
    const caught = answer.catch((error: unknown) => error);
    const exchange = await api.next('GET');
    exchange.open();
    const mebibyte = Buffer.alloc(1024 * 1024, 32);
    for (let count = 0; count < 65 && !exchange.closed; count += 1)
      await Promise.race([exchange.write(mebibyte), caught]);
    expect(String(await caught)).toMatch(/larger than/);
  });
});

test('a kubeconfig without a cluster is an error that says what to set', async () => {
  const config = api.kubeConfig();
  config.clusters = [];
  await expect(new KubeClient(config).send(one)).rejects.toThrow(/--kubeconfig|cluster/);
});
