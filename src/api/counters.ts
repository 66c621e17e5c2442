// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';

export const count = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 9_007_199_254_740_991, description });

/** What is counted of rows while they are read. */
export const rowCounters = {
  fetched: count('Rows read from upstream.'),
  created: count('Records that are new.'),
  updated: count('Records that differ from what was stored, or came back.'),
  unchanged: count('Records that are as stored.'),
  failed: count('Rows set aside in quarantine.'),
} as const;
