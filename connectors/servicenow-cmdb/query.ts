// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { ClassFields } from './class-model.ts';

const where = 'spec.connector.serviceNowCmdb.query';

/**
 * Checks the query of the configuration. ServiceNow ignores a condition on a field it does not know, which then matches
 * everything, so every field must be in the dictionary of every scope. Parts that would break paging are refused.
 */
export function checkedQuery(query: string, fields: ReadonlyMap<string, ClassFields>): void {
  for (const condition of query.split('^')) {
    if (/^(NQ|ORDERBY|GROUPBY|EQ$)/u.test(condition)) {
      throw new Failure(
        'configuration',
        `${where}: ${condition.slice(0, 40)} cannot be used here; give conditions only`,
      );
    }
    const field = /^(?:OR(?=[a-z]))?([a-z][a-z0-9_]*)/u.exec(condition)?.[1];
    if (field === undefined) {
      throw new Failure(
        'configuration',
        `${where}: "${condition.slice(0, 40)}" names no field; write field, operator, value`,
      );
    }
    for (const [className, known] of fields) {
      if (known.source === 'all') {
        throw new Failure(
          'permission',
          `table sys_dictionary gives no rows for ${className}, so ${where} cannot be checked, and an unknown field would match everything; grant read access to sys_dictionary or remove the query`,
        );
      }
      if (known.fields === undefined || known.fields.includes(field)) continue;
      throw new Failure(
        'configuration',
        `${where}: ${className} has no field ${field}, and ServiceNow would ignore the condition; correct the name`,
      );
    }
  }
}
