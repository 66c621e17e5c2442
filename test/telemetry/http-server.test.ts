// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { metricList } from '../../src/telemetry/metric-list.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';
import { startHttpServer, type Check } from '../../src/telemetry/http-server.ts';

const good: Check = { name: 'watch', ok: true, detail: 'heard of 1 s ago' };
const bad: Check = { name: 'database', ok: false, detail: 'disk full' };

interface Given {
  readonly metrics?: Metrics;
  readonly live?: () => readonly Check[];
  readonly ready?: () => Promise<readonly Check[]>;
}

async function serve({
  metrics = createMetrics('1.2.3'),
  live = () => [good],
  ready = async () => [good],
}: Given) {
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, metrics, live, ready });
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`${server.url}${path}`, { method });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    };
  };
  return { get, [Symbol.asyncDispose]: () => server.stop() };
}

describe('health', () => {
  it('is a line per check and 200 when all hold', async () => {
    await using server = await serve({});
    expect(await server.get('/healthz')).toMatchObject({
      status: 200,
      text: '[+] watch: heard of 1 s ago\n',
    });
    expect(await server.get('/readyz?verbose')).toMatchObject({ status: 200 });
  });

  it('is 503 with the reason when one does not hold', async () => {
    await using server = await serve({ ready: async () => [good, bad] });
    expect(await server.get('/readyz')).toMatchObject({
      status: 503,
      text: '[+] watch: heard of 1 s ago\n[-] database: disk full\n',
    });
  });

  it('is 500 with the message when a check throws', async () => {
    await using server = await serve({ ready: async () => Promise.reject(new Error('no store')) });
    expect(await server.get('/readyz')).toMatchObject({ status: 500, text: 'no store\n' });
  });

  it('answers only what it has, and only to readers', async () => {
    await using server = await serve({});
    expect((await server.get('/')).status).toBe(404);
    expect((await server.get('/metrics', 'POST')).status).toBe(405);
    expect(await server.get('/healthz', 'HEAD')).toMatchObject({ status: 200, text: '' });
  });
});

describe('the metrics page', () => {
  it('has counts, gauges filled at the scrape, and the version', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.count('extsys_upstream_requests_total', {
      namespace: 'inventory',
      system: 'cmdb',
      connector: 'serviceNowCmdb',
      code: 200,
    });
    let filled = 0;
    metrics.onScrape(() => {
      filled += 1;
    });
    await using server = await serve({ metrics });
    const page = await server.get('/metrics');
    expect(page.type).toContain('text/plain');
    expect(page.text).toContain('extsys_build_info{version="1.2.3"} 1');
    expect(page.text).toMatch(/extsys_upstream_requests_total\{[^}]*system="cmdb"[^}]*\} 1/u);
    expect(filled).toBe(1);
  });

  it('of two operators in one process are apart', async () => {
    const [one, other] = [createMetrics('1'), createMetrics('2')];
    expect((await one.page()).text).toContain('version="1"');
    expect((await other.page()).text).not.toContain('version="1"');
  });
});

describe('metric names and labels', () => {
  const metrics = Object.entries(metricList);

  it.each(metrics)('%s has a base unit and a help text', (name, { type, help }) => {
    expect(name).toMatch(/^extsys_[a-z_]+$/u);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)$/u);
    expect(help).not.toBe('');
  });

  it('no label grows with the number of runs, records or messages', () => {
    const labels = new Set(metrics.flatMap(([, facts]) => facts.labels as readonly string[]));
    for (const unbounded of ['run', 'uid', 'correlationId', 'message', 'scope', 'id', 'url', 'path']) {
      expect([...labels]).not.toContain(unbounded);
    }
  });
});
