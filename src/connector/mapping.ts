// SPDX-License-Identifier: Apache-2.0
import { maxPathLength, maxPaths, type FieldMapping, type Mapping } from '../api/mapping.ts';
import type { Problem } from '../api/schema-problems.ts';
import type { AttributeMap, AttributeValue, NormalisedRecord, RecordKind } from '../inventory/kinds.ts';
import { ExpressionLanguage, type Expression } from './expression.ts';
import { compileMapped, evaluateMapped, type ExpressionTarget } from './mapped-expression.ts';
import {
  convert,
  mappableColumns,
  type MappableColumn,
  type MappedValue,
  type ToTime,
} from './mapped-value.ts';

/** How the rows of a stream are looked into by a mapping. */
export interface MappableRow<Row> {
  /** Text at a path of a row; undefined when it is empty or the row has none. */
  valueAt(row: Row, path: string): string | undefined;
  /** What is wrong with a path, whatever rows hold: a phrase that follows it. */
  pathProblem(path: string): string | undefined;
  readonly toTime?: ToTime;
}

/** A path that a mapping asks for, and the field of the spec that does. */
export interface MappedPath {
  readonly path: string;
  readonly field: string;
}

/** What a mapping needs to know of a stream. */
export interface MappedStream {
  readonly name: string;
  readonly record: RecordKind;
  readonly rows: Pick<MappableRow<unknown>, 'pathProblem' | 'toTime'>;
}

/** Where the connector's own values of mapped fields are kept, so that none is lost. */
const ownValues = 'unmapped';
const attributePrefix = 'attributes.';
const maxAttributeName = 128;

/** One field of the mapping of a stream, ready to be applied. */
interface Rule {
  /** As the spec has it: `spec.mapping.cis.status`. */
  readonly field: string;
  readonly target: string;
  /** Undefined for an attribute, which takes any text. */
  readonly column: MappableColumn | undefined;
  readonly paths: readonly string[];
  /** Instead of paths. */
  readonly expression?: Expression;
  readonly values: ReadonlyMap<string, MappedValue> | undefined;
  readonly fallback: MappedValue | undefined;
}

/** The mapping of one stream, checked and ready. */
export interface StreamMapping {
  readonly rules: readonly Rule[];
  /** Paths into the source's rows, which must be asked for. */
  readonly paths: readonly MappedPath[];
}

/** A value that its field cannot take: the row is set aside. */
export class MappingMisfit extends Error {
  readonly field: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.field = field;
  }
}

/** The mapping of each stream that has one, and everything that is wrong with it. Pure. */
export function compileMapping(
  mapping: Mapping | undefined,
  streams: readonly MappedStream[],
  connector: string,
): { readonly problems: readonly Problem[]; readonly byStream: ReadonlyMap<string, StreamMapping> } {
  const problems: Problem[] = [];
  const byStream = new Map<string, StreamMapping>();
  for (const [name, fields] of Object.entries(mapping ?? {})) {
    const path = `spec.mapping.${name}`;
    const stream = streams.find((each) => each.name === name);
    if (stream === undefined) {
      const known = streams.map((each) => each.name).join(', ');
      problems.push({ path, message: `${connector} has no stream of that name to map; use one of ${known}` });
      continue;
    }
    const compiled = new StreamCompiler(stream, path);
    for (const [target, rule] of Object.entries(fields)) compiled.add(target, rule);
    problems.push(...compiled.problems);
    byStream.set(name, compiled.mapping());
  }
  return { problems, byStream };
}

class StreamCompiler {
  readonly problems: Problem[] = [];
  private readonly rules: Rule[] = [];
  private readonly paths: MappedPath[] = [];
  private readonly stream: MappedStream;
  private readonly path: string;
  private readonly columns: ReadonlyMap<string, MappableColumn>;
  /** Made when the first expression asks for it. */
  private language: ExpressionLanguage | undefined;

  constructor(stream: MappedStream, path: string) {
    this.stream = stream;
    this.path = path;
    this.columns = mappableColumns(stream.record);
  }

  mapping(): StreamMapping {
    return { rules: this.rules, paths: this.paths };
  }

  add(target: string, mapping: FieldMapping): void {
    const field = `${this.path}.${target}`;
    const column = this.columns.get(target);
    if (column === undefined && !this.isAttribute(target, field)) return;
    const { from, expression, values, default: fallback, constant } = mapping;
    if (constant !== undefined) {
      if ([from, expression, values, fallback].some((word) => word !== undefined))
        this.refuse(field, 'has constant and more; give constant alone, or from with values and default');
      const value = this.checked(`${field}.constant`, constant, column);
      this.rules.push({ field, target, column, paths: [], values: undefined, fallback: value });
      return;
    }
    if (from !== undefined && expression !== undefined)
      return this.refuse(field, 'has from and expression; give one of them');
    if (from === undefined && expression === undefined)
      return this.refuse(field, 'has neither from, expression nor constant; give one of them');
    const table = Object.entries(values ?? {}).flatMap(([key, text]) => {
      const value = this.checked(`${field}.values.${key}`, text, column);
      return value === undefined ? [] : [[key, value] as const];
    });
    const translated = values === undefined ? undefined : new Map(table);
    const compiled =
      expression === undefined
        ? undefined
        : this.compiled(expression, `${field}.expression`, column, translated);
    this.rules.push({
      field,
      target,
      column,
      paths: from === undefined ? [] : this.pathsOf(from, `${field}.from`),
      ...(compiled === undefined ? {} : { expression: compiled }),
      values: translated,
      fallback: fallback === undefined ? undefined : this.checked(`${field}.default`, fallback, column),
    });
  }

  private isAttribute(target: string, field: string): boolean {
    const name = target.startsWith(attributePrefix) ? target.slice(attributePrefix.length) : undefined;
    if (name === ownValues) {
      this.refuse(field, "is where the connector's own values of mapped fields are kept; use another name");
    } else if (name === undefined) {
      this.refuse(field, this.unknownTarget(target));
    } else if (name === '' || name.length > maxAttributeName || name.includes('\0')) {
      this.refuse(
        field,
        `is no name of an attribute; use attributes. and 1 to ${maxAttributeName} characters`,
      );
    } else return true;
    return false;
  }

  private unknownTarget(target: string): string {
    const { record } = this.stream;
    if (target === 'externalId') return `names the record and cannot be mapped`;
    const known = [...this.columns.keys()].join(', ');
    return `${record} has no such field that can be mapped; use attributes.${target}, or one of ${known}`;
  }

  private checked(field: string, text: string, column: MappableColumn | undefined): MappedValue | undefined {
    const converted = convert(text, column, this.stream.rows.toTime);
    if ('value' in converted) return converted.value;
    this.refuse(field, `${JSON.stringify(text.slice(0, 80))} ${converted.problem}`);
    return undefined;
  }

  private compiled(
    text: string,
    field: string,
    column: MappableColumn | undefined,
    values: ExpressionTarget['values'],
  ): Expression | undefined {
    const { record, rows } = this.stream;
    this.language ??= new ExpressionLanguage(record, rows.toTime);
    const compiled = compileMapped(text, this.language, { column, values, toTime: rows.toTime });
    if ('problems' in compiled) {
      for (const problem of compiled.problems) this.refuse(field, problem);
      return undefined;
    }
    for (const path of compiled.expression.paths) this.ask(path, field);
    return compiled.expression;
  }

  private pathsOf(from: unknown, field: string): readonly string[] {
    const list: readonly unknown[] = Array.isArray(from) ? from : [from];
    const fits = (path: unknown): path is string =>
      typeof path === 'string' && path !== '' && path.length <= maxPathLength;
    if (list.length === 0 || list.length > maxPaths || !list.every(fits)) {
      const form = `use one path, or a list of at most ${maxPaths}, of 1 to ${maxPathLength} characters each`;
      this.refuse(field, `is not of the right form; ${form}`);
      return [];
    }
    for (const [index, path] of list.entries()) {
      if (path.startsWith(attributePrefix)) continue;
      this.ask(path, Array.isArray(from) ? `${field}[${index}]` : field);
    }
    return list;
  }

  /** Takes down that a path into the source's rows is needed. */
  private ask(path: string, field: string): void {
    const problem = this.stream.rows.pathProblem(path);
    if (problem === undefined) this.paths.push({ path, field });
    else this.refuse(field, `${JSON.stringify(path.slice(0, 80))} ${problem}`);
  }

  private refuse(path: string, message: string): void {
    this.problems.push({ path, message });
  }
}

/**
 * A record with its mapped fields. Pure. What a mapping displaces is kept in `attributes.unmapped`, by field.
 * @throws MappingMisfit for a value that its field cannot take
 */
export function applyMapping<Row, Kind extends RecordKind>(
  mapping: StreamMapping,
  rows: MappableRow<Row>,
  row: Row,
  record: NormalisedRecord<Kind>,
): NormalisedRecord<Kind> {
  const columns: Record<string, unknown> = { ...record.columns };
  const attributes = new Map(Object.entries(record.attributes));
  const displaced = new Map<string, AttributeValue>();
  for (const rule of mapping.rules) {
    const value = valueOf(rule, rows, row, record);
    if (value === undefined) continue;
    const isColumn = rule.column !== undefined;
    const name = isColumn ? rule.target : rule.target.slice(attributePrefix.length);
    const own = isColumn ? columns[name] : attributes.get(name);
    if (own !== undefined && own !== value) displaced.set(rule.target, own as AttributeValue);
    if (isColumn) columns[name] = value;
    else attributes.set(name, value);
  }
  if (displaced.size > 0) {
    const key = attributes.has(ownValues) ? `$${ownValues}` : ownValues;
    attributes.set(key, Object.fromEntries(displaced));
  }
  return {
    externalId: record.externalId,
    // Each value was converted by the schema of its column; the engine checks every record against it again.
    columns: columns as NormalisedRecord<Kind>['columns'],
    attributes: Object.fromEntries(attributes),
    ...(record.untold === undefined ? {} : { untold: record.untold }),
    ...makeshiftLeft(record, columns),
  };
}

/** What a mapping gives is none. */
function makeshiftLeft(
  { makeshift, columns: own }: NormalisedRecord,
  columns: Readonly<Record<string, unknown>>,
): Pick<NormalisedRecord, 'makeshift'> {
  if (makeshift === undefined) return {};
  const given: Readonly<Record<string, unknown>> = own;
  const left = makeshift.columns.filter((column) => columns[column] === given[column]);
  return { makeshift: { ...makeshift, columns: left } };
}

/** Undefined leaves the connector's own value. */
function valueOf<Row>(
  rule: Rule,
  rows: MappableRow<Row>,
  row: Row,
  { columns, attributes }: NormalisedRecord,
): MappedValue | undefined {
  const { toTime } = rows;
  if (rule.expression !== undefined) {
    const view = {
      path: (path: string) => rows.valueAt(row, path),
      attribute: (name: string) => textOf(attributes, name),
      columns: columns as Readonly<Record<string, unknown>>,
    };
    const outcome = evaluateMapped(rule.expression, view, { ...rule, toTime }, rule.fallback);
    if ('problem' in outcome) throw new MappingMisfit(rule.field, outcome.problem);
    return outcome.value;
  }
  for (const path of rule.paths) {
    const text = path.startsWith(attributePrefix)
      ? textOf(attributes, path.slice(attributePrefix.length))
      : rows.valueAt(row, path);
    if (text === undefined) continue;
    if (rule.values !== undefined) return rule.values.get(text) ?? rule.fallback;
    const converted = convert(text, rule.column, toTime);
    if ('value' in converted) return converted.value;
    // The value itself may be nobody's business.
    throw new MappingMisfit(rule.field, `the value of ${path} ${converted.problem}`);
  }
  return rule.fallback;
}

function textOf(attributes: AttributeMap, name: string): string | undefined {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (value === undefined || value === null || value === '' || typeof value === 'object') return undefined;
  return String(value);
}
