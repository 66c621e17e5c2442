// SPDX-License-Identifier: Apache-2.0
import type { AttributeMap } from '../../src/inventory/kinds.ts';
import { mapped, type Row } from './mapping-bench.ts';

/** A row, and what the connector made of it. */
export const row: Row = {
  code: 'PRD-ber-12',
  floor: '7',
  'owner.display': 'Ann',
  empty: '',
  found: '20260301',
  tags: ' web, db ,',
  emoji: 'ü😀a',
  secret: 'canary-of-the-row-4711',
};
export const columns = {
  status: 'active',
  cpuCount: 4,
  virtual: true,
  lastDiscoveredAt: '2026-03-01T08:15:00Z',
} as const;
export const attributes: AttributeMap = { rack: 7, labels: { rack: 'seven' }, nothing: null, cold: true };

export const expressionOf = (expression: string, more: object = {}) => ({ expression, ...more });

/** What an expression makes of the row, in an attribute, which takes any type. */
export function comesTo(expression: string, more: object = {}) {
  return mapped({ 'attributes.x': expressionOf(expression, more) }, row, columns, attributes).attributes['x'];
}
