// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readApplications, type Application } from '../kit/sso-applications.ts';
import { ContractBench, type OpenStore } from './contract-bench.ts';

const system = 'inventory/cmdb';
const day = (of: number) => new Date(Date.UTC(2026, 2, of));
const ends = (of: number) => ({ certificateExpiresAt: day(of).toISOString() });
const question = { now: day(10), expiringBefore: day(20), soonest: 50 };

/** What the inventory says of the certificates that applications sign people in with. */
export function certificateContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const read = (...applications: readonly Application[]) =>
    readApplications(bench.store, system, applications);
  const asked = (given: object = {}) => bench.store.ssoCertificates(system, { ...question, ...given });

  describe(`${engine}: certificates of applications`, () => {
    it('are unknown of a system without applications, and of another system', async () => {
      expect(await asked()).toBeUndefined();
      await read({ id: 'a', ...ends(15) });
      expect(await bench.store.ssoCertificates('inventory/other', question)).toBeUndefined();
    });

    it('are counted by when they end, those of applications that are switched off only as such', async () => {
      await read(
        { id: 'expired', name: 'Wiki', ...ends(9) },
        { id: 'just', ...ends(10) },
        { id: 'soon', name: 'Payroll', active: true, ...ends(11) },
        { id: 'last-soon', ...ends(19) },
        { id: 'current', ...ends(20) },
        { id: 'none', active: true },
        { id: 'off', active: false, ...ends(1) },
        { id: 'off-none', active: false },
      );
      const counts = { expired: 1, expiring: 3, current: 1, none: 1, switchedOff: 2 };
      expect(await asked()).toMatchObject(counts);
      expect((await asked())?.soonest).toEqual([
        { externalId: 'expired', name: 'Wiki', expiresAt: day(9) },
        { externalId: 'just', name: undefined, expiresAt: day(10) },
        { externalId: 'soon', name: 'Payroll', expiresAt: day(11) },
        { externalId: 'last-soon', name: undefined, expiresAt: day(19) },
        { externalId: 'current', name: undefined, expiresAt: day(20) },
      ]);
      expect((await asked({ soonest: 2 }))?.soonest.map(({ externalId }) => externalId)).toEqual([
        'expired',
        'just',
      ]);
      // The same rows, ten days later.
      const later = { now: day(20), expiringBefore: day(30) };
      expect(await asked(later)).toMatchObject({ ...counts, expired: 4, expiring: 1, current: 0 });
    });

    it('are not those of applications that are deleted or withdrawn', async () => {
      await read({ id: 'gone', ...ends(9) }, { id: 'kept', ...ends(25) }, { id: 'left', ...ends(9) });
      await read({ id: 'kept', ...ends(25) }, { id: 'left', ...ends(9) });
      expect(await asked()).toMatchObject({ expired: 1, current: 1 });
      await bench.tested.change(
        `UPDATE sso_applications SET withdrawn_at = changed_at WHERE external_id = 'left'`,
      );
      expect(await asked()).toMatchObject({ expired: 0, current: 1 });
      await read();
      expect(await asked()).toBeUndefined();
    });
  });
}
