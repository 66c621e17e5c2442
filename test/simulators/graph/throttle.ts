// SPDX-License-Identifier: Apache-2.0
import { graphError, type Reply } from './reply.ts';
import type { GraphAsked } from './world.ts';

/** Units of requests in so many seconds. */
export interface Limit {
  readonly units: number;
  readonly seconds: number;
}

const costs: readonly (readonly [RegExp, number])[] = [
  [/^\/subscribedSkus/u, 3],
  [/^\/directoryObjects\/getByIds/u, 3],
  [/\/transitiveMembers/u, 5],
  [/^\/groups\/[^/]+\/members/u, 3],
  [/\/memberOf/u, 2],
  [/^\/servicePrincipals\/[^/]+\/appRoleAssign/u, 2],
  [/^\/(users|applications)/u, 2],
];

/** What a read costs, never below one unit. */
export function resourceUnits({ resource, params }: GraphAsked): number {
  const base = costs.find(([pattern]) => pattern.test(resource))?.[1] ?? 1;
  const top = Number(params.get('$top') ?? 100);
  const units = base - (params.has('$select') ? 1 : 0) + (params.has('$expand') ? 1 : 0) - (top < 20 ? 1 : 0);
  return Math.max(1, units);
}

/** The limits of one application in one tenant, by the clock that is handed in: those of the directory, in units, and those of Intune. */
export class Throttle {
  /** For none: undefined. */
  directory: Limit | undefined;
  intune: Limit | undefined;
  /** Whether a refusal says how long to wait. */
  tellsWait = true;
  private readonly now: () => Date;
  private readonly spent = new Map<Limit, { at: number; units: number }[]>();

  constructor(now: () => Date) {
    this.now = now;
  }

  /** The headers of an answer, or the refusal of what is too much. */
  charge(
    asked: GraphAsked,
  ): { readonly headers: Readonly<Record<string, string>> } | { readonly refused: Reply } {
    const isIntune = asked.resource.startsWith('/deviceManagement/');
    const units = isIntune ? 1 : resourceUnits(asked);
    const headers = { 'x-ms-resource-unit': String(units) };
    const limit = isIntune ? this.intune : this.directory;
    if (limit === undefined) return { headers };
    const nowMs = this.now().getTime();
    const window = (this.spent.get(limit) ?? []).filter(({ at }) => at > nowMs - limit.seconds * 1000);
    this.spent.set(limit, window);
    const used = window.reduce((sum, one) => sum + one.units, 0);
    if (used + units > limit.units) {
      const waitMs = (window[0]?.at ?? nowMs) + limit.seconds * 1000 - nowMs;
      const retry = this.tellsWait ? { 'retry-after': String(waitMs / 1000) } : {};
      const scope = {
        'x-ms-throttle-scope': 'Tenant_Application/ReadWrite/emulator',
        'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
      };
      return {
        refused: graphError(429, 'TooManyRequests', 'Too many requests.', { ...headers, ...scope, ...retry }),
      };
    }
    window.push({ at: nowMs, units });
    const share = (used + units) / limit.units;
    return {
      headers: share < 0.8 ? headers : { ...headers, 'x-ms-throttle-limit-percentage': share.toFixed(2) },
    };
  }
}
