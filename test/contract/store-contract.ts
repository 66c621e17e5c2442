// SPDX-License-Identifier: Apache-2.0
import { describe } from 'vitest';
import { admissionContract } from './admission-contract.ts';
import { archiveContract } from './archive-contract.ts';
import { certificateContract } from './certificate-contract.ts';
import { candidateContract } from './candidate-contract.ts';
import type { OpenStore } from './contract-bench.ts';
import { deletionContract } from './deletion-contract.ts';
import { deviceContract } from './device-contract.ts';
import { edgeContract } from './edge-contract.ts';
import { expiryContract } from './expiry-contract.ts';
import { fenceContract } from './fence-contract.ts';
import { joinContract } from './join-contract.ts';
import { kindContract } from './kind-contract.ts';
import { machineContract } from './machine-contract.ts';
import { passContract } from './pass-contract.ts';
import { purgeContract } from './purge-contract.ts';
import { proposalContract } from './proposal-contract.ts';
import { quarantineContract } from './quarantine-contract.ts';
import { planContract } from './plan-contract.ts';
import { recoveryContract } from './recovery-contract.ts';
import { storedValueContract } from './stored-value-contract.ts';
import { withdrawalContract } from './withdrawal-contract.ts';

const contracts = {
  ...{ admission: admissionContract, fence: fenceContract, archive: archiveContract, passes: passContract },
  ...{ deletions: deletionContract, candidates: candidateContract },
  ...{ proposals: proposalContract, quarantine: quarantineContract, plans: planContract },
  ...{ recovery: recoveryContract, certificates: certificateContract },
  ...{ withdrawals: withdrawalContract, purges: purgeContract, kinds: kindContract },
  ...{ devices: deviceContract, machines: machineContract, joins: joinContract, expiry: expiryContract },
  ...{ edges: edgeContract, storedValues: storedValueContract },
};

/** What every engine of the store must keep, whatever it is built on. */
export function storeContract(engine: string, open: OpenStore): void {
  // Each in a suite of its own: what one opens before each test is not opened for the tests of all others.
  for (const [subject, contract] of Object.entries(contracts))
    describe(subject, () => contract(engine, open));
}
