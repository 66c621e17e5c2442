// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { MappedPath } from '../../src/connector/mapping.ts';
import type { Columns } from './columns.ts';
import type { Dictionary, DictionaryEntry } from './dictionary.ts';
import { followPath } from './field-path.ts';
import { fieldOfPath } from './mappable-row.ts';
import { hasSecretName } from './secret-fields.ts';

/** The fields that a mapping asks for, each once. */
export function mappedFields(paths: readonly MappedPath[]): readonly string[] {
  return [...new Set(paths.map(({ path }) => fieldOfPath(path)))].toSorted();
}

/**
 * Refuses what a mapping may not ask for: secrets, and fields that the tables do not have, since ServiceNow would leave them out
 * without a word. `tables` are all that the rows may come from. Without a dictionary only names can be judged: answers a sentence for each
 * field of the mapping of which that is so.
 */
export async function checkMappedFields(
  paths: readonly MappedPath[],
  tables: readonly string[],
  dictionary: Dictionary | undefined,
): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  const unchecked: string[] = [];
  const heads = [...new Set(paths.map(({ path }) => headOf(path)))];
  const known = await dictionary?.entriesNamed(heads, tables);
  for (const mapped of paths) {
    const unlisted =
      known === undefined || known.size === 0
        ? checkName(mapped, await unlistedOf(tables, dictionary))
        : await checkEntries(mapped, known.get(headOf(mapped.path)) ?? [], tables, dictionary);
    if (unlisted !== undefined)
      unchecked.push(`the dictionary does not list ${unlisted}, so ${mapped.field} could not be checked`);
  }
  return unchecked;
}

async function unlistedOf(tables: readonly string[], dictionary: Dictionary | undefined): Promise<string> {
  for (const table of tables) {
    if (dictionary !== undefined && (await dictionary.entriesOf(table)).size === 0) return table;
  }
  return tables.join(', ');
}

function headOf(path: string): string {
  return fieldOfPath(path).split('.')[0] ?? '';
}

function checkName({ path, field }: MappedPath, unlisted: string): string {
  const names = fieldOfPath(path).split('.');
  const secret = names.find(hasSecretName);
  if (secret !== undefined)
    throw refusal(
      field,
      `${secret} is named like a secret, and sys_dictionary does not tell its type; secrets are not read`,
    );
  return unlisted;
}

/** Answers the table of which the dictionary knows nothing, when the path leads to one. */
async function checkEntries(
  { path, field }: MappedPath,
  entries: readonly DictionaryEntry[],
  tables: readonly string[],
  dictionary: Dictionary | undefined,
): Promise<string | undefined> {
  const [head = '', ...rest] = fieldOfPath(path).split('.');
  if (entries.some(({ secret }) => secret)) throw refusal(field, secretField(head));
  const [first] = entries;
  if (first === undefined) {
    const where = tables.length > 3 ? `the ${tables.length} classes that are read` : tables.join(', ');
    throw refusal(
      field,
      `there is no field ${head} in ${where} or in a table below, and ServiceNow would leave it out; correct the name`,
    );
  }
  if (rest.length === 0 || dictionary === undefined) return undefined;
  const reference = entries.find((entry) => entry.reference !== undefined)?.reference;
  if (reference === undefined) throw refusal(field, `${head} is no reference, so nothing stands beyond it`);
  const trouble = await followPath(rest, reference, dictionary);
  switch (trouble?.kind) {
    case undefined:
      return undefined;
    case 'secret':
      throw refusal(field, secretField(`${trouble.table}.${trouble.name}`));
    case 'unknown':
      throw refusal(field, `${trouble.table} has no field ${trouble.name}; correct the name`);
    case 'noReference':
      throw refusal(
        field,
        `${trouble.name} of ${trouble.table} is no reference, so nothing stands beyond it`,
      );
    case 'noDictionary':
      return checkName({ path, field }, trouble.table);
  }
}

function secretField(name: string): string {
  return `${name} is of a type that holds secrets; secrets are not read, take it out of the mapping`;
}

function refusal(field: string, what: string): Failure {
  return new Failure('configuration', `${field}: ${what}`);
}

/** The columns of a table and, beside them, the fields that a mapping finds by references. Throws a Failure when they do not fit. */
export function withMapped(columns: Columns, paths: readonly MappedPath[], table: string): Columns {
  const fields = mappedFields(paths);
  const beside = columns.source === 'list' ? fields : fields.filter((field) => field.includes('.'));
  if (beside.length === 0) return columns;
  if (columns.fields === undefined) {
    const asking = paths.find(({ path }) => fieldOfPath(path).includes('.'));
    throw refusal(
      asking?.field ?? 'spec.mapping',
      `all columns of ${table} are read, because the dictionary does not list them or the list is too long, and ${asking?.path ?? ''} cannot be asked for beside them; map the label of the reference (.display) instead`,
    );
  }
  const extra = new Set(beside);
  return {
    fields: [...new Set([...columns.fields, ...beside])],
    source: columns.source,
    keeps: (field) => extra.has(field) || columns.keeps(field),
  };
}
