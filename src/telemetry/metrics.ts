// SPDX-License-Identifier: Apache-2.0
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metricList, type MetricFacts, type MetricName } from './metric-list.ts';

type Labels = Readonly<Record<string, string | number>>;
type NameOf<Type extends MetricFacts['type']> = {
  [Name in MetricName]: (typeof metricList)[Name]['type'] extends Type ? Name : never;
}[MetricName];

export interface Metrics {
  count(name: NameOf<'counter'>, labels: Labels, by?: number): void;
  observe(name: NameOf<'histogram'>, labels: Labels, value: number): void;
  set(name: NameOf<'gauge'>, labels: Labels, value: number): void;
  /** Forgets every series of a gauge; before it is filled from the cache. */
  reset(name: NameOf<'gauge'>): void;
  /** Called before every scrape. */
  onScrape(fill: () => void): void;
  /** The page in Prometheus' text format. */
  page(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** A registry of its own, so that two operators in one process do not count into each other. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'extsys_' });
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const [name, facts] of Object.entries<MetricFacts>(metricList)) {
    const settings = { name, help: facts.help, labelNames: [...facts.labels], registers: [registry] };
    if (facts.type === 'counter') counters.set(name, new Counter(settings));
    else if (facts.type === 'gauge') gauges.set(name, new Gauge(settings));
    else histograms.set(name, new Histogram({ ...settings, buckets: [...(facts.buckets ?? [])] }));
  }
  gauges.get('extsys_build_info')?.set({ version }, 1);
  const fills: (() => void)[] = [];

  return {
    count: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
    observe: (name, labels, value) => histograms.get(name)?.observe(labels, value),
    set: (name, labels, value) => gauges.get(name)?.set(labels, value),
    reset: (name) => gauges.get(name)?.reset(),
    onScrape: (fill) => fills.push(fill),
    async page() {
      for (const fill of fills) fill();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
