// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import type { PlacedRoleMapping } from '../api/role-mappings.ts';
import type { ReadEvent, ReadRequest } from './contract.ts';
import type { Evidence } from './evidence.ts';
import { Failure } from './failure.ts';
import { joined, type CheckFinding } from './finding.ts';
import { walkGroup, type Grant, type GroupMember, type Named, type Seen } from './nested-groups.ts';
import type { RoleRow } from './role-rows.ts';

/** Nothing goes on from anywhere: who is in a group by another one shows only when all of them are read. */
export const RoleCursor = Type.Null();
export const RoleCheckpoint = Type.Object({}, { additionalProperties: false });
type Cursor = Static<typeof RoleCursor>;
type Checkpoint = Static<typeof RoleCheckpoint>;
export type RoleEvent = ReadEvent<Cursor, Checkpoint>;

/** What of a mapping is read to an end of its own. */
export interface RolePart {
  readonly source: Named;
  /** Where a mapping has several parts: `eligible`. */
  readonly part?: string;
  /** Everybody who has the role by it, in pages; answers evidence once all was read to its verified end. Throws a Failure. */
  read(): AsyncGenerator<readonly RoleRow[], Evidence, void>;
  /** What mode Test should say of it beside that it was found. Throws the Failure with which it cannot be read. */
  test?(): Promise<CheckFinding | undefined>;
}

export interface RoleReading {
  readonly mappings: readonly PlacedRoleMapping[];
  /** Looks up what a mapping names. Throws a Failure that names the field, the value and the remedy. */
  readonly partsOf: (mapping: PlacedRoleMapping) => Promise<readonly RolePart[]>;
  /**
   * What stands in the evidence of each end beside the counts, given that of the reading before; with `unproven` in it absence proves nothing. Left out where every
   * reading is like the one before.
   */
  readonly factsAfter?: (lastEvidence: unknown) => Evidence;
}

/**
 * Reads everybody who has a role by a mapping, in full each time. What goes wrong with one mapping leaves the others their turn; what
 * stands in the database of it stays then.
 */
export async function* readRoles(
  reading: RoleReading,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<RoleEvent, void, void> {
  const given = new Set<string>();
  for (const mapping of reading.mappings) {
    let parts: readonly RolePart[];
    try {
      parts = await reading.partsOf(mapping);
    } catch (error) {
      const scope = scopeName(mapping, mapping.named);
      if (!given.has(scope)) yield unverified(scope, error);
      given.add(scope);
      continue;
    }
    for (const part of parts) {
      const scope = scopeName(mapping, part.source.id, part.part);
      // A second mapping that names the same group in other words says nothing more.
      if (given.has(scope)) continue;
      given.add(scope);
      if (request.ended(scope)) continue;
      const facts = reading.factsAfter?.(await request.lastEvidence(scope));
      yield* readPart(scope, part, facts);
    }
  }
}

/** Looks up what all mappings name, and says so. Throws one Failure that tells of each that is wrong. */
export async function testRoles({ mappings, partsOf }: RoleReading): Promise<CheckFinding> {
  const found: string[] = [];
  const findings = new Map<string, CheckFinding>();
  const failures: Failure[] = [];
  for (const mapping of mappings) {
    try {
      const parts = await partsOf(mapping);
      for (const part of parts) {
        const finding = await part.test?.();
        if (finding !== undefined) findings.set(finding.message, finding);
      }
      const [part] = parts;
      if (part !== undefined) found.push(part.source.name ?? part.source.id);
    } catch (error) {
      if (!(error instanceof Failure) || !ofOneMapping.has(error.code)) throw error;
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined)
    return joined([...findings.values(), `found what spec.roleMappings names: ${found.join(', ')}`]);
  if (others.length === 0) throw first;
  const { code, audience } = first;
  throw new Failure(code, failures.map(({ message }) => message).join('; '), {
    cause: first,
    ...(audience === undefined ? {} : { audience }),
  });
}

async function* readPart(
  scope: string,
  part: RolePart,
  facts: Evidence = {},
): AsyncGenerator<RoleEvent, void, void> {
  try {
    const pages = part.read();
    let count = 0;
    let rows = 0;
    let step = await pages.next();
    for (; step.done !== true; step = await pages.next()) {
      count += 1;
      rows += step.value.length;
      yield { type: 'page', scope, rows: step.value, checkpoint: {} };
    }
    const evidence: Evidence = { pages: count, rows, ...step.value, ...facts };
    const coverage = evidence.unproven === undefined ? 'Full' : 'Window';
    yield { type: 'end', scope, coverage, evidence };
  } catch (error) {
    yield unverified(scope, error);
  }
}

/** Rows are stored under it: another form would withdraw them. Where it has no room its middle is cut, see `boundedName`. */
function scopeName({ source, role }: PlacedRoleMapping, id: string, part?: string): string {
  return `${source} ${id}${part === undefined ? '' : ` (${part})`}: ${role}`;
}

const ofOneMapping: ReadonlySet<string> = new Set(['permission', 'configuration', 'contract']);

function unverified(scope: string, error: unknown): RoleEvent {
  if (error instanceof Failure && ofOneMapping.has(error.code))
    return { type: 'unverified', scope, failure: error };
  throw error;
}

/** What a connector knows of members beyond the walk. */
export interface RoleMember extends GroupMember {
  readonly foreign?: boolean;
}

/** What a row says beside who has what by which path. */
export type GrantFacts = Omit<RoleRow, 'role' | 'principal' | 'path'>;

/** Everybody in a group, or who holds a directory role, as rows, but those that were seen. Contacts cannot log in and have no role. */
export async function* memberRows(
  source: Named,
  mapping: PlacedRoleMapping,
  membersOf: (group: Named) => AsyncIterable<readonly RoleMember[]>,
  factsOf: (grant: Grant) => GrantFacts,
  seen?: Seen,
): AsyncGenerator<readonly RoleRow[], void, void> {
  const options = { membersOf, field: mapping.field, ...(seen === undefined ? {} : { seen }) };
  for await (const grants of walkGroup(source, options)) {
    const rows = grants
      .filter(({ member }) => member.kind !== 'Contact')
      .map((grant) => roleRow(mapping, grant, factsOf(grant)));
    if (rows.length > 0) yield rows;
  }
}

const byGroup: GrantFacts = { sourceKind: 'group', assignment: 'active' };

/** A mapped group. `settle` answers evidence once everybody was given, or throws the Failure of what could not be seen. */
export function groupPart(
  source: Named,
  mapping: PlacedRoleMapping,
  membersOf: (group: Named) => AsyncIterable<readonly RoleMember[]>,
  settle: (rows: number) => Evidence | Promise<Evidence>,
): RolePart {
  return {
    source,
    async *read() {
      let rows = 0;
      for await (const page of memberRows(source, mapping, membersOf, () => byGroup)) {
        rows += page.length;
        yield page;
      }
      return settle(rows);
    },
  };
}

function roleRow({ role }: PlacedRoleMapping, { member, path }: Grant, facts: GrantFacts): RoleRow {
  const { id, name, kind, foreign }: RoleMember = member;
  const named = (one: Named) => ({ id: one.id, ...(one.name === undefined ? {} : { name: one.name }) });
  return {
    ...facts,
    role,
    principal: {
      ...named({ id, name }),
      ...(kind === undefined || kind === 'Contact' ? {} : { kind }),
      ...(foreign === true ? { foreign } : {}),
    },
    path: path.map(named),
  };
}
