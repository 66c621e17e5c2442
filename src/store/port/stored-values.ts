// SPDX-License-Identifier: Apache-2.0
import type { RecordKind } from '../../inventory/kinds.ts';

/** The values of some columns of one record, by property; what is empty is left out. */
export type ColumnValues = Readonly<Record<string, string | number | boolean>>;

/** What stands in the inventory, for records of which a reading could not tell everything. */
export interface StoredValueReader {
  /** By external id, of the records of a stream that stand, deleted and withdrawn ones too. `columns` are properties of the kind. */
  storedValues(
    stream: { readonly system: string; readonly stream: string; readonly record: RecordKind },
    externalIds: readonly string[],
    columns: readonly string[],
  ): Promise<ReadonlyMap<string, ColumnValues>>;
}
