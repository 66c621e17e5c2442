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
  roleAssignments,
  roleDefinitions,
  type EligibleRole,
  type RoleDefinition,
} from './directory-roles.ts';
import { knownMembers } from './listed-members.ts';
import { isEmptyByCount, shownMembersOf } from './mapped-group.ts';
import type { Session } from './session.ts';
import { idOf, textOf, timeOf } from './values.ts';

/** An assignment, active or eligible; only the latter has times. */
type Holding = Omit<EligibleRole, 'startDateTime' | 'endDateTime' | 'memberType'> &
  Partial<Pick<EligibleRole, 'startDateTime' | 'endDateTime' | 'memberType'>>;

/** What is known of eligible roles: who has them, a refusal when it is asked for, or why the tenant has none. */
type Eligible = { readonly holdings: () => Promise<readonly Holding[]> } | { readonly absent: string };

/** Who holds which role of the directory: three listings, read once for all mappings of a reading. */
export class RoleHolders {
  private readonly session: Session;
  private definitions: Promise<readonly RoleDefinition[]> | undefined;
  private active: Promise<readonly Holding[]> | undefined;
  private eligible: Promise<Eligible> | undefined;

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * The parts of a mapped role: who holds it, and, unless that is switched off, who may activate it. In a tenant without the licence for the
   * latter nothing is read of it and nothing taken for gone. Throws a Failure.
   */
  async partsOf(mapping: PlacedRoleMapping): Promise<readonly RolePart[]> {
    const source = await this.find(mapping);
    const active = (this.active ??= roleAssignments(this.session.graph));
    const holdings = await active;
    const activePart: RolePart = {
      ...{ source, part: 'active' },
      read: () => this.read(mapping, source, 'active', async () => holdings),
    };
    if (this.session.config.eligibleRoles === false) return [activePart];
    const eligible = await (this.eligible ??= this.readEligible());
    return [activePart, { source, part: 'eligible', ...this.eligiblePart(mapping, source, eligible) }];
  }

  private eligiblePart(
    mapping: PlacedRoleMapping,
    source: Named,
    eligible: Eligible,
  ): Pick<RolePart, 'read' | 'test'> {
    if ('absent' in eligible) return { read: () => nothing(eligible.absent), test: async () => notEligible };
    return {
      read: () => this.read(mapping, source, 'eligible', eligible.holdings),
      async test() {
        await eligible.holdings();
        return undefined;
      },
    };
  }

  /** By id, by the id of the template, which is the same in every tenant, or by name. */
  private async find({ named, field }: PlacedRoleMapping): Promise<Named> {
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
    return { id: first.id.toLowerCase(), name: textOf(first.displayName) };
  }

  /** What the vendor answers without a licence is not documented: whatever is no plain refusal of the permission counts as that. */
  private async readEligible(): Promise<Eligible> {
    try {
      const holdings = await eligibleRoles(this.session.graph);
      return { holdings: async () => holdings };
    } catch (error) {
      if (!concernsStream(error)) throw error;
      if (error instanceof FeatureAbsent || error.code === 'configuration')
        return { absent: bounded(error.message, 256) };
      return { holdings: () => Promise.reject(error) };
    }
  }

  /** Each part of the directory in which the role is held is a walk of its own: whoever holds it in two has it twice. */
  private async *read(
    mapping: PlacedRoleMapping,
    source: Named,
    assignment: RoleRow['assignment'],
    all: () => Promise<readonly Holding[]>,
  ): AsyncGenerator<readonly RoleRow[], Evidence, void> {
    const { session } = this;
    const holdings = (await all()).filter(({ roleDefinitionId }) => idOf(roleDefinitionId) === source.id);
    const holders = await this.holdersOf(source, holdings);
    const scopes = Map.groupBy(holdings, ({ directoryScopeId }) => directoryScopeId ?? '/');
    let rows = 0;
    for (const [scope, inScope] of scopes) {
      const byPrincipal = longestOf(inScope);
      async function* membersOf(group: Named) {
        if (group.id === source.id) yield holders.filter(({ id }) => byPrincipal.has(id));
        else yield* shownMembersOf(session, group);
      }
      const factsOf = ({ member, path }: Grant): GrantFacts => ({
        ...{ sourceKind: 'directory_role', assignment, scope },
        ...factsOfHolding(byPrincipal.get(path[1]?.id ?? member.id)),
      });
      for await (const page of memberRows(source, mapping, membersOf, factsOf)) {
        rows += page.length;
        yield page;
      }
    }
    return rows > 0 ? {} : this.emptiness(source, assignment, holdings.length, holders);
  }

  /** Asked for in other words: the assignments of this role alone, and how many users are in the groups that hold it. */
  private async emptiness(
    source: Named,
    assignment: RoleRow['assignment'],
    held: number,
    holders: readonly RoleMember[],
  ): Promise<Evidence> {
    const { session } = this;
    const again = await unlessRefused(() => assignmentsOfRole(session.graph, source.id, assignment));
    const same = again === held && holders.every(({ kind }) => kind === 'Group');
    return same && (await isEmptyByCount(session, holders)) ? { counted: 0, emptyTwice: true } : {};
  }

  /** Each once, with their kinds. Throws a Failure. */
  private async holdersOf(source: Named, holdings: readonly Holding[]): Promise<readonly RoleMember[]> {
    const listed = new Map(
      holdings.map(({ principalId, principal }) => [principalId.toLowerCase(), principal]),
    );
    const what = `holders of role ${source.name ?? source.id}`;
    return knownMembers(
      this.session.graph,
      [...listed].map(([id, object]) => ({ id, object })),
      what,
    );
  }
}

/** What a run says in whole, and mode Test has room for 160 characters of. */
const notEligible = warning(
  'without Premium P2 who may activate a role is not read; what was read before stays (eligibleRoles: false withdraws it)',
);

// oxlint-disable-next-line require-yield -- a reading without rows
async function* nothing(why: string): AsyncGenerator<never, Evidence, void> {
  return { notOffered: why };
}

/** Of several assignments of one principal the one that is its own and lasts longest. */
function longestOf(holdings: readonly Holding[]): ReadonlyMap<string, Holding> {
  const byPrincipal = new Map<string, Holding>();
  const weight = (holding: Holding) => `${isInherited(holding) ? 0 : 1}${holding.endDateTime ?? '9999'}`;
  for (const holding of holdings) {
    const id = holding.principalId.toLowerCase();
    const before = byPrincipal.get(id);
    if (before === undefined || weight(before) < weight(holding)) byPrincipal.set(id, holding);
  }
  return byPrincipal;
}

function isInherited({ memberType }: Holding): boolean {
  return typeof memberType === 'string' && memberType !== 'Direct';
}

function factsOfHolding(holding: Holding | undefined) {
  if (holding === undefined) return {};
  const startsAt = timeOf(holding.startDateTime);
  const endsAt = timeOf(holding.endDateTime);
  return {
    ...(isInherited(holding) ? { inherited: true } : {}),
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(endsAt === undefined ? {} : { endsAt }),
  };
}
