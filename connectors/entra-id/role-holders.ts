// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../../src/api/bounded.ts';
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import type { Evidence } from '../../src/connector/evidence.ts';
import { Failure } from '../../src/connector/failure.ts';
import { warning } from '../../src/connector/finding.ts';
import type { Grant, Named } from '../../src/connector/nested-groups.ts';
import {
  memberRows,
  type GrantFacts,
  type RoleMember,
  type RolePart,
} from '../../src/connector/role-reading.ts';
import type { RoleRow } from '../../src/connector/role-rows.ts';
import { concernsStream, FeatureAbsent, unlessRefused } from './answers.ts';
import {
  assignmentsOfRole,
  eligibleRoles,
  isDisabled,
  roleAssignments,
  roleDefinitions,
  scheduledAssignments,
  type RoleDefinition,
} from './directory-roles.ts';
import { knownMembers } from './listed-members.ts';
import { byEnd, factsOfHolding, scopeOf, withTimes, type Holding } from './role-holdings.ts';
import { isEmptyByCount, shownMembersOf } from './mapped-group.ts';
import type { Session } from './session.ts';
import { idOf, textOf } from './values.ts';

/** What is known of eligible roles: who has them, a refusal when it is asked for, or why the tenant has none. */
type Eligible = { readonly holdings: () => Promise<readonly Holding[]> } | { readonly absent: string };

/** Who has a role now, and why it could not be told from when until when. */
interface Active {
  readonly holdings: readonly Holding[];
  readonly said: Evidence;
}

/** Rows are given in pages of so many. */
const pageRows = 500;

/** Who holds which role of the directory: four listings, read once for all mappings of a reading. */
export class RoleHolders {
  private readonly session: Session;
  private definitions: Promise<readonly RoleDefinition[]> | undefined;
  private active: Promise<Active> | undefined;
  private eligible: Promise<Eligible> | undefined;

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * The parts of a mapped role: who holds it, and, unless that is switched off, who may activate it. In a tenant without the licence for the
   * latter nothing is read of it and nothing taken for gone. Throws a Failure.
   */
  async partsOf(mapping: PlacedRoleMapping): Promise<readonly RolePart[]> {
    const definition = await this.find(mapping);
    const source: Named = { id: definition.id.toLowerCase(), name: textOf(definition.displayName) };
    if (definition.isEnabled === false) return this.partsOfDisabled(source);
    const { holdings, said } = await (this.active ??= this.readActive());
    const activePart: RolePart = {
      ...{ source, part: 'active' },
      read: () => this.read(mapping, source, 'active', async () => holdings, said),
    };
    if (this.session.config.eligibleRoles === false) return [activePart];
    const eligible = await (this.eligible ??= this.readEligible());
    return [activePart, { source, part: 'eligible', ...this.eligiblePart(mapping, source, eligible) }];
  }

  private partsOfDisabled(source: Named): readonly RolePart[] {
    const read = () => nobody(this.session, source);
    const said = `directory role ${source.name ?? source.id} is disabled in the tenant: nobody has anything by it`;
    const active = { source, part: 'active', read, test: async () => warning(said) };
    return this.session.config.eligibleRoles === false
      ? [active]
      : [active, { source, part: 'eligible', read }];
  }

  private eligiblePart(
    mapping: PlacedRoleMapping,
    source: Named,
    eligible: Eligible,
  ): Pick<RolePart, 'read' | 'test'> {
    if ('absent' in eligible) return { read: () => nothing(eligible.absent), test: async () => notEligible };
    return {
      read: () => this.read(mapping, source, 'eligible', eligible.holdings, {}),
      async test() {
        await eligible.holdings();
        return undefined;
      },
    };
  }

  /** By id, by the id of the template, which is the same in every tenant, or by name. */
  private async find({ named, field }: PlacedRoleMapping): Promise<RoleDefinition> {
    const all = await (this.definitions ??= roleDefinitions(this.session.graph));
    const wanted = named.toLowerCase();
    const byId = all.filter(
      ({ id, templateId }) => id.toLowerCase() === wanted || templateId?.toLowerCase() === wanted,
    );
    const found =
      byId.length > 0 ? byId : all.filter(({ displayName }) => displayName?.toLowerCase() === wanted);
    const [first] = found;
    if (first === undefined) {
      const message = `${field}: the tenant has no directory role ${named}; give its id or its name as the admin centre shows it, such as Global Reader`;
      throw new Failure('configuration', message);
    }
    if (found.length > 1) {
      const ids = found.slice(0, 3).map(({ id }) => id);
      const message = `${field}: ${found.length} directory roles are named ${named} (${ids.join(', ')}); give the id of the one that is meant`;
      throw new Failure('configuration', message);
    }
    return first;
  }

  /** Where the times may not be read, or the tenant has no licence for them, who has a role is told all the same. */
  private async readActive(): Promise<Active> {
    const { graph, config } = this.session;
    const assignments = await roleAssignments(graph);
    const untold = (said: Evidence): Active => ({
      holdings: assignments.map((one) => ({ ...one, timesUntold: true })),
      said,
    });
    if (config.eligibleRoles === false) return untold({});
    try {
      return { holdings: withTimes(assignments, await scheduledAssignments(graph)), said: {} };
    } catch (error) {
      if (!concernsStream(error)) throw error;
      return untold({ times: `not available: ${bounded(error.message, 256)}` });
    }
  }

  /**
   * Only an answer that says that the tenant has not bought it means that there are none. What else the vendor may answer then is not documented: it
   * is a refusal, by which nothing is gone.
   */
  private async readEligible(): Promise<Eligible> {
    try {
      const holdings = await eligibleRoles(this.session.graph);
      return { holdings: async () => holdings };
    } catch (error) {
      if (!concernsStream(error)) throw error;
      if (error instanceof FeatureAbsent) return { absent: bounded(error.message, 256) };
      const refusal = error.code === 'configuration' ? withSwitch(error) : error;
      return { holdings: () => Promise.reject(refusal) };
    }
  }

  /** Each part of the directory in which the role is held is a walk of its own: whoever holds it in two has it twice. */
  private async *read(
    mapping: PlacedRoleMapping,
    source: Named,
    assignment: RoleRow['assignment'],
    all: () => Promise<readonly Holding[]>,
    said: Evidence,
  ): AsyncGenerator<readonly RoleRow[], Evidence, void> {
    const holdings = (await all()).filter(({ roleDefinitionId }) => idOf(roleDefinitionId) === source.id);
    const holders = await this.holdersOf(source, holdings);
    // One that has several times is one.
    const assigned = new Set(holdings.map(({ id }) => id)).size;
    const scopes = Map.groupBy(holdings, scopeOf);
    let rows = 0;
    let page: RoleRow[] = [];
    for (const [scope, inScope] of scopes) {
      const facts = { sourceKind: 'directory_role', assignment, scope } as const;
      for await (const found of this.walk(mapping, source, inScope, holders, facts)) {
        rows += found.length;
        page.push(...found);
        if (page.length < pageRows) continue;
        yield page;
        page = [];
      }
    }
    if (rows === 0) return { ...said, ...(await this.emptiness(source, assignment, assigned, holders)) };
    yield page;
    return said;
  }

  /** One walk for each time at which holdings end, the last to end first: whoever is found again has it for longer already. */
  private async *walk(
    mapping: PlacedRoleMapping,
    source: Named,
    holdings: readonly Holding[],
    holders: ReadonlyMap<string, RoleMember>,
    facts: GrantFacts,
  ): AsyncGenerator<readonly RoleRow[], void, void> {
    const { session } = this;
    const seen = { groups: new Set<string>(), members: new Set<string>() };
    for (const together of byEnd(holdings)) {
      async function* membersOf(group: Named) {
        if (group.id === source.id) yield [...together.keys()].flatMap((id) => holders.get(id) ?? []);
        else yield* shownMembersOf(session, group);
      }
      const factsOf = ({ member, path }: Grant): GrantFacts => ({
        ...facts,
        ...factsOfHolding(together.get(path[1]?.id ?? member.id)),
      });
      yield* memberRows(source, mapping, membersOf, factsOf, seen);
    }
  }

  /** Asked for in other words: the assignments of this role alone, and how many users are in the groups that hold it. */
  private async emptiness(
    source: Named,
    assignment: RoleRow['assignment'],
    assigned: number,
    holders: ReadonlyMap<string, RoleMember>,
  ): Promise<Evidence> {
    const { session } = this;
    const again = await unlessRefused(() => assignmentsOfRole(session.graph, source.id, assignment));
    const groups = [...holders.values()];
    const same = again === assigned && groups.every(({ kind }) => kind === 'Group');
    return same && (await isEmptyByCount(session, groups)) ? { counted: 0, emptyTwice: true } : {};
  }

  /** Each once by its id, with its kind. Throws a Failure. */
  private async holdersOf(
    source: Named,
    holdings: readonly Holding[],
  ): Promise<ReadonlyMap<string, RoleMember>> {
    const listed = new Map(
      holdings.map(({ principalId, principal }) => [principalId.toLowerCase(), principal]),
    );
    const what = `holders of role ${source.name ?? source.id}`;
    const asListed = [...listed].map(([id, object]) => ({ id, object }));
    const known = await knownMembers(this.session.graph, asListed, what);
    return new Map(known.map((member) => [member.id, member]));
  }
}

/** What a run says in whole, and mode Test has room for 160 characters of. */
const notEligible = warning(
  'without Premium P2 who may activate a role is not read; what was read before stays (eligibleRoles: false withdraws it)',
);

function withSwitch(cause: Failure): Failure {
  const remedy = 'set spec.connector.entraId.eligibleRoles: false where the tenant has no PIM';
  return new Failure(cause.code, `${cause.message}; ${remedy}`, { cause });
}

/** Whoever is assigned to a role that is disabled has nothing by it: the vendor is asked a second time, in other words. Throws a Failure. */
// oxlint-disable-next-line require-yield -- a reading without rows
async function* nobody({ graph }: Session, { id, name }: Named): AsyncGenerator<never, Evidence, void> {
  const again = await unlessRefused(() => isDisabled(graph, id));
  if (again === undefined) return { disabled: true };
  if (again) return { disabled: true, counted: 0, emptyTwice: true };
  const message = `directory role ${name ?? id} is disabled by one answer and not by the next; nothing is taken as gone`;
  throw new Failure('contract', message);
}

// oxlint-disable-next-line require-yield -- a reading without rows
async function* nothing(why: string): AsyncGenerator<never, Evidence, void> {
  return { notOffered: why };
}
