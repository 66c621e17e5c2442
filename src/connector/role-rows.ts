// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { bounded } from '../api/bounded.ts';
import type { NormalisedRecord } from '../inventory/kinds.ts';
import type { Named } from './nested-groups.ts';

const Id = Type.String({ minLength: 1, maxLength: 512 });
const Name = Type.Optional(Type.String({ minLength: 1 }));
const Thing = Type.Object({ id: Id, name: Name });
const Time = Type.Optional(Type.String());

/** That somebody has a role of ours by a group or a directory role. */
export const RoleRow = Type.Object({
  role: Type.String({ minLength: 1 }),
  sourceKind: Type.Enum(['group', 'directory_role']),
  principal: Type.Object({
    id: Id,
    name: Name,
    kind: Type.Optional(Type.Enum(['User', 'Group', 'Device', 'ServicePrincipal'])),
    /** True of a placeholder for somebody of another domain, who is known by a SID alone. */
    foreign: Type.Optional(Type.Boolean()),
  }),
  /** From what is mapped to the group that holds the principal; of a direct grant only what is mapped. */
  path: Type.Array(Thing, { minItems: 1 }),
  assignment: Type.Enum(['active', 'eligible']),
  /** True where the vendor says that it comes by a group, and not by which. */
  inherited: Type.Optional(Type.Boolean()),
  /** Part of the directory in which the role holds; undefined of groups. */
  scope: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  startsAt: Time,
  endsAt: Time,
  /** True of somebody who may activate the role, and has. */
  activated: Type.Optional(Type.Boolean()),
  /** True where nobody could tell from when until when. */
  timesUntold: Type.Optional(Type.Boolean()),
});
export type RoleRow = Static<typeof RoleRow>;

/**
 * `role/source/principal`, and of a directory role also `/active` or `/eligible` and the part of the directory where that is not the
 * whole: one principal may hold it in several. Undefined when a part cannot be read.
 */
export function roleRowId(raw: unknown): string | undefined {
  const role = textAt(raw, 'role');
  const source = textAt(propertyOf(raw, 'path'), '0', 'id');
  const principal = textAt(raw, 'principal', 'id');
  if (role === undefined || source === undefined || principal === undefined) return undefined;
  const id = `${role}/${source}/${principal}`;
  if (textAt(raw, 'sourceKind') !== 'directory_role') return id;
  const scope = textAt(raw, 'scope') ?? wholeDirectory;
  const assignment = textAt(raw, 'assignment');
  if (assignment === undefined) return undefined;
  return `${id}/${assignment}${scope === wholeDirectory ? '' : scope}`;
}

const wholeDirectory = '/';

function textAt(raw: unknown, ...names: readonly string[]): string | undefined {
  const value = names.reduce<unknown>(propertyOf, raw);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function propertyOf(raw: unknown, name: string): unknown {
  return typeof raw === 'object' && raw !== null && Object.hasOwn(raw, name)
    ? Reflect.get(raw, name)
    : undefined;
}

/** Pure. */
export function toRoleAssignment(row: RoleRow): NormalisedRecord<'RoleAssignment'> {
  const externalId = roleRowId(row);
  const [source] = row.path;
  if (externalId === undefined || source === undefined) throw new Error('path or principal has no id');
  const { role, principal, path, assignment, scope, startsAt, endsAt } = row;
  const whole: readonly Named[] = [...path, principal];
  const may = assignment === 'eligible' ? 'may activate' : 'has';
  const by = pathText(
    path.map(({ id, name }) => name ?? id),
    512,
  );
  return {
    externalId,
    columns: {
      name: bounded(`${principal.name ?? principal.id} ${may} ${role} by ${by}`, 1024),
      role,
      principalId: principal.id,
      ...(principal.kind === undefined ? {} : { principalKind: principal.kind }),
      ...(principal.name === undefined ? {} : { principalName: bounded(principal.name, 1024) }),
      sourceKind: row.sourceKind,
      sourceId: source.id,
      ...(source.name === undefined ? {} : { sourceName: bounded(source.name, 1024) }),
      ...(scope === undefined ? {} : { scope }),
      direct: path.length === 1 && row.inherited !== true,
      path: pathText(
        whole.map(({ id, name }) => name ?? id),
        maxPath,
      ),
      pathIds: pathText(
        whole.map(({ id }) => id),
        maxPath,
      ),
      assignment,
      ...(startsAt === undefined ? {} : { startsAt }),
      ...(endsAt === undefined ? {} : { endsAt }),
    },
    ...untoldOf(row, source),
    attributes: {
      ...(principal.foreign === true ? { foreignSecurityPrincipal: true } : {}),
      ...(row.activated === true ? { activated: true } : {}),
    },
  };
}

/** Of the same path: names that a right hides today were told before. */
function untoldOf(
  { principal, path, timesUntold }: RoleRow,
  source: Named,
): Pick<NormalisedRecord, 'untold' | 'makeshift'> {
  const untold = [
    ...(principal.name === undefined ? ['principalName'] : []),
    ...(source.name === undefined ? ['sourceName'] : []),
    ...(timesUntold === true ? ['startsAt', 'endsAt'] : []),
  ];
  const named = [...path, principal].every(({ name }) => name !== undefined);
  return {
    ...(untold.length === 0 ? {} : { untold }),
    ...(named ? {} : { makeshift: { columns: ['name', 'path'], whileSame: 'pathIds' } }),
  };
}

/** Room of the columns. */
const maxPath = 4096;
const maxPart = 256;

/**
 * Parts joined by ` > `. One that is too long for its place is cut in its middle, which says how many groups are left out there: the ends
 * tell who has it and by what. Pure.
 */
export function pathText(parts: readonly string[], maxLength: number): string {
  const whole = parts.join(' > ');
  if (whole.length <= maxLength) return whole.toWellFormed();
  const short = parts.map((part) => bounded(part, Math.min(maxPart, Math.floor(maxLength / 4))));
  let head = Math.ceil(short.length / 2);
  let tail = short.length - head;
  for (;;) {
    const left = short.length - head - tail;
    const middle = left === 0 ? [] : [`… ${left} more …`];
    const text = [...short.slice(0, head), ...middle, ...short.slice(short.length - tail)].join(' > ');
    if (text.length <= maxLength || (head <= 1 && tail <= 1)) return bounded(text, maxLength);
    if (head > tail) head -= 1;
    else tail -= 1;
  }
}
