// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';

export interface Masked {
  readonly value: unknown;
  /** False when something was taken out: the row is not what came. */
  readonly whole: boolean;
}

/**
 * A raw row without what its schema does not know: such a value becomes its type and length, as does the value of a field that is
 * secret by its name. A scalar where the schema knows the field stays, of whatever type: it may be what did not fit. `onTaken` hears
 * of each value that is taken out.
 */
export function mask(
  raw: unknown,
  schema: TSchema,
  secret: (name: string) => boolean = () => false,
  onTaken: (value: unknown) => void = () => undefined,
): Masked {
  let whole = true;
  const taken = (value: unknown): string => {
    whole = false;
    onTaken(value);
    return described(value);
  };
  const walk = (value: unknown, known: readonly object[]): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    // Unknown lets every value through, and so knows nothing that a connector reads by name.
    if (Array.isArray(value)) {
      const items = known.flatMap(({ items: of }: { items?: unknown }) => schemasOf(of));
      return items.length === 0 && !isOpen(known)
        ? taken(value)
        : value.map((item) => walk(item, items.length === 0 ? known : items));
    }
    if (!isOpen(known) && !known.some(isObjectSchema)) return taken(value);
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => {
        const below = isOpen(known) ? known : known.flatMap((one) => fieldSchemas(one, name));
        return [name, secret(name) || below.length === 0 ? taken(field) : walk(field, below)];
      }),
    );
  };
  const known = schemasOf(schema);
  const value = typeof raw !== 'object' && known.every(isObjectSchema) ? taken(raw) : walk(raw, known);
  return { value, whole };
}

function described(value: unknown): string {
  if (typeof value === 'string') return `(text of ${value.length} characters)`;
  if (Array.isArray(value)) return `(list of ${value.length})`;
  if (value === null) return '(null)';
  return typeof value === 'object' ? `(object of ${Object.keys(value).length} fields)` : `(${typeof value})`;
}

/** A schema, or each of those that it is a choice or a combination of. */
function schemasOf(schema: unknown): readonly object[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((word): unknown[] => {
    const list: unknown = Reflect.get(schema, word);
    return Array.isArray(list) ? list : [];
  });
  return parts.length === 0 ? [schema] : parts.flatMap(schemasOf);
}

function isObjectSchema(schema: object): boolean {
  return 'properties' in schema || 'patternProperties' in schema || 'additionalProperties' in schema;
}

/** Whether one of them says nothing at all of the value, as Type.Unknown(). */
function isOpen(schemas: readonly object[]): boolean {
  return schemas.some((schema) => Object.keys(schema).every((word) => word.startsWith('~')));
}

function fieldSchemas(schema: object, name: string): readonly object[] {
  const properties: unknown = Reflect.get(schema, 'properties');
  if (typeof properties === 'object' && properties !== null && Object.hasOwn(properties, name))
    return schemasOf(Reflect.get(properties, name));
  const patterns: unknown = Reflect.get(schema, 'patternProperties');
  if (typeof patterns === 'object' && patterns !== null) {
    for (const [pattern, below] of Object.entries(patterns))
      if (new RegExp(pattern, 'u').test(name)) return schemasOf(below);
  }
  return schemasOf(Reflect.get(schema, 'additionalProperties'));
}
