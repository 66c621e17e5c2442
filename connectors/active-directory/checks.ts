// SPDX-License-Identifier: Apache-2.0
import type { ConnectionCheck } from '../../src/connector/contract.ts';
import type { Session } from './session.ts';

type SessionCheck = ConnectionCheck<[session: Session]>;

/** `domainFunctionality` ([MS-ADTS] 6.1.4.3) in words. */
const levels: Readonly<Record<string, string>> = {
  '0': '2000',
  '1': '2003 mixed',
  '2': '2003',
  '3': '2008',
  '4': '2008 R2',
  '5': '2012',
  '6': '2012 R2',
  '7': '2016',
  '10': '2025',
};

export const controllerCheck: SessionCheck = {
  name: 'domainController',
  async run({ client, domain, position: { dc, usn } }) {
    const root = await client.root();
    const level = root.entry.text('domainFunctionality') ?? '';
    const said = level === '' ? 'not told' : (levels[level] ?? level);
    return {
      result: 'Passed',
      message: `${dc} of ${domain.dnsName}, functional level ${said}; ${usn} changes counted`,
    };
  },
};

export const deletedObjectsCheck: SessionCheck = {
  name: 'deletedObjects',
  async run({ deleted }) {
    if (await deleted.visible())
      return { result: 'Passed', message: `deletions are seen for ${await deleted.tombstoneDays()} days` };
    return {
      result: 'Warning',
      message:
        'the account may not read the container of deleted objects: deletions wait for the full pass; grant it with dsacls (runbook)',
    };
  },
};
