// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

const text = (description: string) => Type.String({ minLength: 1, maxLength: 1024, description });

/** Of a map any key is meant, also one with a line break, which the pattern of a plain string would leave unchecked. */
const anyKey = Type.String({ pattern: '^[\\s\\S]*$' });

/** Longest path and most paths of `from`. */
export const maxPathLength = 256;
export const maxPaths = 8;

/** Longest expression, in characters. */
export const maxExpressionLength = 1024;

export const FieldMappingSchema = Type.Object(
  {
    /**
     * One path or a list of them. A structural schema has no word for either-or, so the shape is checked where the rest of a
     * mapping is: by the connector kit.
     */
    from: Type.Optional(
      Type.Unsafe<string | readonly string[]>({
        'x-kubernetes-preserve-unknown-fields': true,
        description:
          "Where the value comes from: a path into the source's row, or a list of at most 8, of which the first with a value counts. The connector says which paths there are; attributes.NAME is an attribute of the record.",
      }),
    ),
    expression: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: maxExpressionLength,
        description:
          "Instead of from: a CEL expression over row (by the paths of from), attributes and record (the columns as the connector made them). Without a value the connector's own stays, unless default is given.",
      }),
    ),
    values: Type.Optional(
      Type.Record(anyKey, text('What stands for the value.'), {
        minProperties: 1,
        maxProperties: 256,
        description:
          "What each value of the source becomes. One that is not listed leaves the connector's own value of the field, unless default is given.",
      }),
    ),
    default: Type.Optional(
      text(
        "Used when neither path nor expression has a value, or values does not list it; else the connector's own value stays.",
      ),
    ),
    constant: Type.Optional(text('The same for every record. Stands alone.')),
  },
  {
    additionalProperties: false,
    // `from` has no type in the CRD, so no rule can see it; the connector kit says what else excludes what.
    'x-kubernetes-validations': [
      {
        rule: '!has(self.constant) || !(has(self.expression) || has(self.values) || has(self.default))',
        message: 'has constant and more; give constant alone',
      },
    ],
    description: 'Where the value of one field comes from. Numbers and true or false are written in quotes.',
  },
);
export type FieldMapping = Static<typeof FieldMappingSchema>;

/** By stream, then by field of its record or `attributes.NAME`. */
export const MappingSchema = Type.Record(
  anyKey,
  Type.Record(anyKey, FieldMappingSchema, {
    minProperties: 1,
    maxProperties: 64,
    description: 'By field of the record, or attributes.NAME.',
  }),
  {
    maxProperties: 16,
    description:
      "By stream, then by field: where a field of the records comes from, instead of the connector's own rule.",
  },
);
export type Mapping = Static<typeof MappingSchema>;
