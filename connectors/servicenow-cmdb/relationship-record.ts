// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import { attributesOf, columnsOf, type RuleFor } from './fields.ts';
import { required } from './people-records.ts';
import type { Row } from './wire.ts';

type RelationshipColumns = NormalisedRecord<'Relationship'>['columns'];

const rules: readonly RuleFor<RelationshipColumns>[] = [
  { column: 'parentId', field: 'parent', form: 'text', maxLength: 512 },
  { column: 'childId', field: 'child', form: 'text', maxLength: 512 },
  // `Parent text::Child text`, such as Depends on::Used by.
  { column: 'type', field: 'type', form: 'label' },
  { column: 'typeId', field: 'type', form: 'text' },
  { column: 'sourceCreatedAt', field: 'sys_created_on', form: 'time' },
  { column: 'sourceUpdatedAt', field: 'sys_updated_on', form: 'time' },
];

const held: ReadonlySet<string> = new Set(['sys_id']);

/** One row of cmdb_rel_ci. A row without both ends is no relation and is set aside. */
export function toRelationship(row: Row): NormalisedRecord<'Relationship'> {
  const externalId = required(row, 'sys_id');
  const columns: RelationshipColumns = {
    ...columnsOf<RelationshipColumns>(row, rules),
    parentId: required(row, 'parent'),
    childId: required(row, 'child'),
  };
  return { externalId, columns, attributes: attributesOf(row, rules, columns, held) };
}
