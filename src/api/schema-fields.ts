// SPDX-License-Identifier: Apache-2.0

type Json = Readonly<Record<string, unknown>>;

/** A field of a JSON Schema, as people read about it. */
export interface SchemaField {
  /** `limits.pageSize`, `items[].name`, `mapping.*`. */
  readonly path: string;
  /** In words, with its bounds: `list of string, up to 80, at most 32`. */
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

/** Every field of an object's schema, those within it included, below `path`. `quote` marks the values of an enumeration. */
export function schemaFields(
  path: string,
  schema: object,
  quote: (value: string) => string = (value) => value,
): readonly SchemaField[] {
  const { required = [], properties = {} } = schema as { required?: readonly string[]; properties?: Json };
  return Object.entries(properties).flatMap(([name, value]) => {
    const field = value as Json;
    const here = path === '' ? name : `${path}.${name}`;
    const items = field['items'] as Json | undefined;
    const self = fieldOf(here, field, required.includes(name), quote);
    if (isMap(field)) return [self, ...mapFields(here, field, quote)];
    if (items?.['type'] === 'object') return [self, ...schemaFields(`${here}[]`, items, quote)];
    return field['type'] === 'object' ? [self, ...schemaFields(here, field, quote)] : [self];
  });
}

function fieldOf(
  path: string,
  field: Json,
  required: boolean,
  quote: (value: string) => string,
): SchemaField {
  return { path, type: typeOf(field, quote), required, description: text(field['description']) };
}

function isMap(field: Json): boolean {
  return typeof field['additionalProperties'] === 'object';
}

/** What stands under each key of a map, which goes by its own name. */
function mapFields(path: string, map: Json, quote: (value: string) => string): readonly SchemaField[] {
  const values = map['additionalProperties'] as Json;
  const here = `${path}.*`;
  const self = fieldOf(here, values, true, quote);
  if (isMap(values)) return [self, ...mapFields(here, values, quote)];
  return values['type'] === 'object' ? [self, ...schemaFields(here, values, quote)] : [self];
}

function typeOf(field: Json, quote: (value: string) => string): string {
  const type = text(field['type']);
  if (isMap(field)) return `map${upTo(field['maxProperties'], 'at most ')}`;
  if (type === '' && field['x-kubernetes-preserve-unknown-fields'] === true) return 'any';
  if (Array.isArray(field['enum'])) return field['enum'].map((value) => quote(String(value))).join(' ');
  if (type === 'array')
    return `list of ${typeOf(field['items'] as Json, quote)}${upTo(field['maxItems'], 'at most ')}`;
  if (type === 'string')
    return field['format'] === 'date-time' ? 'time' : `string${upTo(field['maxLength'], 'up to ')}`;
  if (type !== 'integer' && type !== 'number') return type;
  const low = field['minimum'];
  const high = field['maximum'];
  return typeof high === 'number' && high < 2 ** 53 - 1 ? `${type}, ${String(low)} to ${high}` : type;
}

function upTo(bound: unknown, words: string): string {
  return typeof bound === 'number' ? `, ${words}${bound}` : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
