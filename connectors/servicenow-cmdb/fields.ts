// SPDX-License-Identifier: Apache-2.0
import type { AttributeMap } from '../../src/inventory/kinds.ts';
import { toDay, toRfc3339 } from './stored-time.ts';
import type { Cell, Row } from './wire.ts';

/**
 * How a field fills a column of ours.
 * text: the stored value. words: the label, or the stored value when it is not a bare id. label: only a label that says
 * more than the stored value. The others parse the stored value; what does not parse leaves the column empty.
 */
export type FieldForm = 'text' | 'words' | 'label' | 'whole' | 'flag' | 'time' | 'date';

export interface FieldRule {
  readonly column: string;
  readonly field: string;
  readonly form: FieldForm;
  /** Longest text the column takes; a longer one stays in the attributes only. */
  readonly maxLength?: number;
}

/** A rule whose form gives what the column takes. */
export type RuleFor<Columns> = {
  readonly [Column in keyof Columns & string]-?: FieldRule & {
    readonly column: Column;
    readonly form: FormFor<NonNullable<Columns[Column]>>;
  };
}[keyof Columns & string];

type FormFor<Value> = Value extends boolean
  ? 'flag'
  : Value extends number
    ? 'whole'
    : string extends Value
      ? Exclude<FieldForm, 'flag' | 'whole'>
      : never;

export type ColumnValue = string | number | boolean;

export function valueOf(row: Row, field: string): string | undefined {
  const cell = Object.hasOwn(row, field) ? row[field] : undefined;
  return cell === undefined ? undefined : storedValue(cell);
}

function storedValue(cell: Cell): string | undefined {
  const value = typeof cell === 'object' && cell !== null ? cell.value : cell;
  return value === null || value === '' ? undefined : value;
}

/** The label of a field when it says more than the stored value. */
export function labelOf(row: Row, field: string): string | undefined {
  const cell = Object.hasOwn(row, field) ? row[field] : undefined;
  return cell === undefined ? undefined : labelIn(cell);
}

function labelIn(cell: Cell): string | undefined {
  if (typeof cell === 'string' || cell === null) return undefined;
  const currency = cell.currency_display_value;
  if (typeof currency === 'string' && currency !== '') return currency;
  const label = cell.display_value;
  if (label === undefined || label === null || label === '' || label === cell.value) return undefined;
  return isFormatting(cell.value ?? '', label) ? undefined : label;
}

/** Dates and numbers have labels too: the same value in the calling user's format and time zone. They say nothing new. */
function isFormatting(value: string, label: string): boolean {
  if (/^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$/u.test(value)) return true;
  if (!/^-?\d+(\.\d+)?$/u.test(value)) return false;
  return /^[\d.,'’\s%+-]+$/u.test(label) && digits(label) === digits(value);
}

function digits(text: string): string {
  return text.replace(/\D/gu, '');
}

const bareId = /^[0-9a-f]{32}$/u;

/** Whether a text is an id where words belong: a reference of which the label was not given. */
export function isBareId(text: string): boolean {
  return bareId.test(text);
}

const parsers: Readonly<
  Record<FieldForm, (value: string, label: string | undefined) => ColumnValue | undefined>
> = {
  text: (value) => value,
  label: (_, label) => label,
  words(value, label) {
    const words = label ?? value;
    return isBareId(words) ? undefined : words;
  },
  whole: wholeNumber,
  flag: (value) => (value === 'true' ? true : value === 'false' ? false : undefined),
  time: toRfc3339,
  date: (value) => toDay(value) ?? toRfc3339(value)?.slice(0, 10),
};

function parsed(row: Row, rule: FieldRule): ColumnValue | undefined {
  const value = valueOf(row, rule.field);
  if (value === undefined) return undefined;
  const { form, field } = rule;
  const label = form === 'label' || form === 'words' ? labelOf(row, field) : undefined;
  const result = parsers[form](value, label);
  return typeof result === 'string' ? bounded(result, rule) : result;
}

function bounded(text: string, rule: FieldRule): string | undefined {
  return text.length <= (rule.maxLength ?? 1024) ? text : undefined;
}

/** `-1` stands for unknown in some hardware numbers, and fractions are no whole numbers. */
function wholeNumber(value: string): number | undefined {
  if (!/^\d{1,16}$/u.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Columns of one row by its rules. Rules for one column stand together; the first that finds something wins. */
export function columnsOf<Columns>(row: Row, rules: readonly RuleFor<Columns>[]): Partial<Columns> {
  const columns: Record<string, ColumnValue> = {};
  for (const rule of rules) {
    if (columns[rule.column] !== undefined) continue;
    const value = parsed(row, rule);
    if (value !== undefined) columns[rule.column] = value;
  }
  // RuleFor ties each column to a form that gives its type; the engine checks every record against its schema again.
  return columns as Partial<Columns>;
}

const journal = /^(comments|work_notes|comments_and_work_notes)$/u;

/**
 * Everything of a row that no column of ours holds word for word: stored values by field name, and under `labels` the
 * labels of references and choices. `held` names fields whose stored value is kept elsewhere (the external id).
 */
export function attributesOf(
  row: Row,
  rules: readonly FieldRule[],
  columns: Readonly<Partial<Record<string, ColumnValue>>>,
  held: ReadonlySet<string>,
): AttributeMap {
  const kept = keptWords(row, rules, columns);
  const attributes: Record<string, string | Record<string, string>> = {};
  const labels: Record<string, string> = {};
  for (const [field, cell] of Object.entries(row)) {
    const value = storedValue(cell);
    const label = labelIn(cell);
    const words = kept.get(field);
    if (value !== undefined && !held.has(field) && words?.has(value) !== true) attributes[field] = value;
    if (label === undefined || words?.has(label) === true) continue;
    // The text of a journal field is only in the label.
    if (value === undefined && journal.test(field)) attributes[field] = label;
    else labels[field] = label;
  }
  if (Object.keys(labels).length > 0) attributes[labelsKey(row)] = labels;
  return attributes;
}

/** A customer's own field called `labels` keeps its name; `$` cannot stand in a field name. */
function labelsKey(row: Row): string {
  return Object.hasOwn(row, 'labels') ? '$labels' : 'labels';
}

/**
 * By field, the texts that columns filled from that field hold. Of several rules for one column only the first counts: a
 * column does not tell that its text came from a second choice, so that stays in the attributes.
 */
function keptWords(
  row: Row,
  rules: readonly FieldRule[],
  columns: Readonly<Partial<Record<string, ColumnValue>>>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const kept = new Map<string, Set<string>>();
  let previous: string | undefined;
  for (const { column, field } of rules) {
    const value = column === previous ? undefined : columns[column];
    previous = column;
    if (value === undefined || !Object.hasOwn(row, field)) continue;
    const words = kept.get(field);
    if (words === undefined) kept.set(field, new Set([String(value)]));
    else words.add(String(value));
  }
  return kept;
}
