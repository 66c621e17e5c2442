// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenStore } from './contract-bench.ts';
import { DeviceBench } from './device-bench.ts';
import {
  claimOn,
  serialKey,
  statementsFor,
  worlds,
  type Claim,
  type InventoryRow,
  type World,
} from './device-worlds.ts';

type Subject = 'user' | 'asset';
type Row = Readonly<Record<string, unknown>>;

const nameOf = (row: Row) =>
  `${String(row['system'])} ${String(row['stream'])} ${String(row['external_id'])}`;

/** What the views say of a world. */
interface Told {
  readonly matches: ReadonlyMap<string, Row>;
  readonly problems: readonly Row[];
}

/** Claims of a subject by device, and the machines of the devices. */
interface Claims {
  readonly of: ReadonlyMap<string, ReturnType<typeof claimOn>>;
  readonly machineOf: (device: InventoryRow) => unknown;
}

function claimsIn(subject: Subject, world: World, { matches }: Told): Claims {
  return {
    of: new Map(world.devices.map((device) => [nameOf(device), claimOn(subject, device, world)])),
    machineOf: (device) => matches.get(nameOf(device))?.['machine_id'],
  };
}

/** How a device should end, by the words of the guide, looking at each pair. */
function expectedMatch(subject: Subject, device: InventoryRow, world: World, claims: Claims): string {
  const claim = claims.of.get(nameOf(device));
  if (typeof claim !== 'object') return String(claim);
  const others = world.devices.flatMap((other) => {
    const its = claims.of.get(nameOf(other));
    return other !== device && typeof its === 'object' ? [{ other, one: its.one }] : [];
  });
  const ofMachine = (other: InventoryRow) => claims.machineOf(other) === claims.machineOf(device);
  if (subject === 'user') return expectedUser(device, claim);
  const contested = others.some(
    ({ other, one }) =>
      one === claim.one &&
      (!ofMachine(other) || (other.system === device.system && other.stream === device.stream)),
  );
  if (contested) return 'shared';
  if (claim.later.some(({ found }) => found.length === 1 && found[0] !== claim.one)) return 'ambiguous';
  if (others.some(({ other, one }) => ofMachine(other) && one !== claim.one)) return 'ambiguous';
  const serials = world.devices.filter(ofMachine).flatMap((row) => serialKey(row) ?? []);
  const serial = serialKey(claim.one);
  const differs = serial !== undefined && serials.some((other) => other !== serial);
  return differs && claim.rule !== 'serial number' ? 'serial_differs' : 'joined';
}

function expectedUser(device: InventoryRow, { rule, one, later: [next] }: Claim): string {
  if (rule !== 'user id')
    return (device['user_id'] ?? '') !== '' && one.system === device.system ? 'user_id_differs' : 'joined';
  const [other, ...more] = next?.found ?? [];
  const differs = other !== undefined && more.length === 0 && other !== one && other.system === one.system;
  return differs ? 'ambiguous' : 'joined';
}

/** What the views that join devices keep, whatever the inventory holds. */
export function joinContract(engine: string, open: OpenStore): void {
  const bench = new DeviceBench(open);

  async function told(world: World): Promise<Told> {
    await bench.change(statementsFor(world));
    const matches = await bench.all('SELECT * FROM device_matches');
    return {
      matches: new Map(matches.map((row) => [nameOf(row), row])),
      problems: await bench.all('SELECT * FROM device_match_problems'),
    };
  }

  const inEveryWorld = (holds: (world: World, views: Told) => void) =>
    fc.assert(
      fc.asyncProperty(worlds, async (world) => holds(world, await told(world))),
      { numRuns: 60 },
    );

  describe(`${engine}: in every inventory`, () => {
    it('no asset is joined to two machines', { timeout: 60_000 }, () =>
      inEveryWorld((_, { matches }) => {
        const taken = new Map<string, unknown>();
        for (const row of matches.values()) {
          if (row['asset_match'] !== 'joined') continue;
          const asset = nameOf({
            ...{ system: row['asset_system'], stream: row['asset_stream'] },
            external_id: row['asset_external_id'],
          });
          expect(row['machine_id'], asset).toBe(taken.get(asset) ?? row['machine_id']);
          taken.set(asset, row['machine_id']);
        }
      }),
    );

    it.each(['user', 'asset'] as const)(
      'a device is either joined to its %s or listed, once; unless another row of its machine has one',
      { timeout: 60_000 },
      (subject) =>
        inEveryWorld((world, { matches, problems }) => {
          expect(matches.size).toBe(world.devices.length);
          const joined = new Set(
            [...matches.values()]
              .filter((row) => row[`${subject}_match`] === 'joined')
              .map((row) => row['machine_id']),
          );
          for (const [device, row] of matches) {
            const match = row[`${subject}_match`];
            const listed = problems.filter(
              (entry) => entry['subject'] === subject && nameOf(entry) === device,
            );
            const foundNone = match === 'unmatched' || match === 'no_key';
            const silent = match === 'joined' || (foundNone && joined.has(row['machine_id']));
            expect(
              listed.map(({ problem }) => problem),
              device,
            ).toEqual(silent ? [] : [match]);
            expect(row[`${subject}_external_id`] !== null, device).toBe(match === 'joined');
            for (const { reason } of listed) expect(reason, device).toMatch(/\w/u);
          }
        }),
    );

    it('an asset that two machines come to is listed at each of them, as shared', { timeout: 60_000 }, () =>
      inEveryWorld((world, views) => {
        const claims = claimsIn('asset', world, views);
        for (const asset of world.assets) {
          const claimants = world.devices.filter((device) => {
            const claim = claims.of.get(nameOf(device));
            return typeof claim === 'object' && claim.one === asset;
          });
          if (new Set(claimants.map(claims.machineOf)).size < 2) continue;
          for (const device of claimants)
            expect(views.problems, nameOf(device)).toContainEqual(
              expect.objectContaining({
                ...{ system: device.system, stream: device.stream, external_id: device.external_id },
                ...{ subject: 'asset', problem: 'shared' },
              }),
            );
        }
      }),
    );

    it.each(['user', 'asset'] as const)(
      'a device joins to its %s by the first rule that finds one, when nothing speaks against it, and only then',
      { timeout: 60_000 },
      (subject) =>
        inEveryWorld((world, views) => {
          const claims = claimsIn(subject, world, views);
          for (const device of world.devices) {
            const row = views.matches.get(nameOf(device));
            const match = expectedMatch(subject, device, world, claims);
            expect(row?.[`${subject}_match`], nameOf(device)).toBe(match);
            const claim = claims.of.get(nameOf(device));
            if (match !== 'joined' || typeof claim !== 'object') continue;
            expect(row, nameOf(device)).toMatchObject({
              [`${subject}_rule`]: claim.rule,
              [`${subject}_system`]: claim.one.system,
              [`${subject}_external_id`]: claim.one.external_id,
            });
          }
        }),
    );
  });
}
