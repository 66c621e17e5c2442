// SPDX-License-Identifier: Apache-2.0
import type { Row } from './rows.ts';
import type { Tenant } from './tenant/tenant.ts';

/**
 * Puts secrets where the vendor has some, or names one that a client must never keep: passwords of applications and people, private
 * halves of keys, a code that unlocks a device. Answers the texts to look for. The vendor itself gives few of these; `quirks.ignoresSelect`
 * gives them all.
 */
export function plantSecrets(tenant: Tenant): readonly string[] {
  const { directory, managedDevices } = tenant;
  const planted: string[] = [];
  const canary = (place: string) => {
    const text = `canary-${place}-${planted.length}`;
    planted.push(text);
    return text;
  };
  for (const application of directory.objects.servicePrincipal) {
    const passwords = application['passwordCredentials'] as readonly Row[];
    if (passwords.length === 0) continue;
    const keys = application['keyCredentials'] as readonly Row[];
    directory.update(application.id, {
      passwordCredentials: passwords.map((one) => ({
        ...one,
        secretText: canary('secret-text'),
        hint: canary('hint'),
      })),
      keyCredentials: keys.map((one) =>
        one['usage'] === 'Sign' ? { ...one, key: canary('private-key') } : one,
      ),
    });
    break;
  }
  const [user] = directory.objects.user;
  if (user !== undefined) {
    directory.update(user.id, {
      passwordProfile: { password: canary('password'), forceChangePasswordNextSignIn: false },
    });
  }
  const [device] = managedDevices;
  if (device !== undefined) {
    managedDevices.put({
      ...device,
      activationLockBypassCode: canary('unlock-code'),
      notes: canary('notes'),
    });
  }
  return planted;
}
