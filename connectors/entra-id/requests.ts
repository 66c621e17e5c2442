// SPDX-License-Identifier: Apache-2.0
import type { DirectoryReading } from './reading.ts';
import { maxPageSize, type GraphRequest } from './graph.ts';
import { isObject, keptOf, propertyOf } from './raw-row.ts';

function selected({ select, optional }: DirectoryReading, withOptional: boolean): string {
  return [...select, ...(withOptional && optional !== undefined ? [optional] : [])].join(',');
}

function expansion({ expand }: DirectoryReading): Readonly<Record<string, string>> {
  return expand === undefined ? {} : { $expand: `${expand}($select=id)` };
}

/** The forms in which a reading is asked for. */
export const requestOf = {
  list(
    reading: DirectoryReading,
    { pageSize, optional }: { readonly pageSize: number; readonly optional: boolean },
  ): GraphRequest {
    const query = {
      $select: selected(reading, optional),
      ...expansion(reading),
      $top: String(Math.min(pageSize, maxPageSize)),
    };
    return { subject: reading.subject, path: reading.resource, query };
  },

  /** `$select` limits which changes are reported; neither `$expand` nor `$top` is supported. */
  delta(reading: DirectoryReading, query: Readonly<Record<string, string>> = {}): GraphRequest {
    const { resource, subject, select, expand, tracksExpanded = false } = reading;
    const tracked = expand !== undefined && tracksExpanded ? [expand] : [];
    return {
      subject,
      path: `${resource}/delta`,
      query: { $select: [...select, ...tracked].join(','), ...query },
    };
  },

  /** Relative, for a batch. */
  single(reading: DirectoryReading, id: string, optional: boolean): string {
    const query = new URLSearchParams({ $select: selected(reading, optional), ...expansion(reading) });
    return `/${reading.resource}/${encodeURIComponent(id)}?${query.toString()}`;
  },
};

/**
 * The rows that are records, with what was asked for. The optional property stands in each row when it was asked for: null says that the
 * vendor has none, and a row without it that nobody could tell.
 */
export function keptRows(
  reading: DirectoryReading,
  rows: readonly unknown[],
  { optional }: { readonly optional: boolean },
): readonly unknown[] {
  const { select, expand, optional: name } = reading;
  const kept = new Set([...select, ...(expand === undefined ? [] : [expand])]);
  return rows
    .filter((raw) => reading.keeps?.(raw) ?? true)
    .map((raw) => {
      const row = keptOf(raw, kept);
      if (!optional || name === undefined || !isObject(row)) return row;
      return { ...row, [name]: propertyOf(raw, name) ?? null };
    });
}
