// SPDX-License-Identifier: Apache-2.0
import type { Directory } from '../directory.ts';
import { daysFrom, guid, hoursBefore, pick } from './seed.ts';

const given = [
  'Ana',
  'Bo',
  'Chi',
  'Dara',
  'Eva',
  'Finn',
  'Gita',
  'Hugo',
  'Ines',
  'Jon',
  'Kaja',
  'Léa',
  'Müge',
];
const family = [
  'Lim',
  "O'Neil",
  'Okafor',
  'Berg',
  'Nowak',
  'Silva',
  'Khan',
  'Eriksen',
  'Rossi',
  'Tanaka',
  'Weiß',
];
const departments = ['Facilities', 'Finance', 'Operations', 'Research', 'Sales'];
const titles = ['Planner', 'Analyst', 'Engineer', 'Technician', 'Lead'];
const domainSid = 'S-1-5-21-1004336348-1177238915-682003330';

/** Every 15th is a guest, every 20th disabled, three of four members come from a domain; each but some has a manager. */
export function addPeople(directory: Directory, seed: number, count: number, domain: string): string[] {
  const ids = Array.from({ length: count }, (_, index) => guid(seed, 'user', index));
  for (const [index, id] of ids.entries()) directory.add('user', { id, ...person(seed, index, domain) });
  for (const [index, id] of ids.entries()) {
    const manager = ids[Math.floor((index - 1) / 8)];
    if (index > 0 && !isGuest(index) && manager !== undefined) directory.setManager(id, manager);
  }
  return ids;
}

export function isGuest(index: number): boolean {
  return index % 15 === 14;
}

function person(seed: number, index: number, domain: string): Record<string, unknown> {
  const givenName = pick(given, index + seed);
  const surname = pick(family, index * 3 + seed);
  const ascii = `${givenName}.${surname}`
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z.]/gu, '')
    .toLowerCase();
  const name = `${ascii}.${index}`;
  const guest = isGuest(index);
  return {
    userPrincipalName: guest ? `${name}_partner.example#EXT#@${domain}` : `${name}@${domain}`,
    displayName: `${givenName} ${surname}`,
    givenName,
    surname,
    accountEnabled: index % 20 !== 19,
    userType: guest ? 'Guest' : 'Member',
    mailNickname: name,
    createdDateTime: daysFrom(-2000 + (index % 1500)),
    ...(guest
      ? { otherMails: [`${name}@partner.example`], externalUserState: 'Accepted', creationType: 'Invitation' }
      : {
          mail: `${name}@${domain}`,
          department: pick(departments, index),
          jobTitle: pick(titles, index),
          companyName: 'Contoso',
          employeeId: String(100_000 + index),
          officeLocation: `B${index % 9}`,
          businessPhones: [`+47 55 ${String(index).padStart(6, '0')}`],
          usageLocation: 'NO',
        }),
    ...(!guest && index % 4 !== 3 ? fromDomain(seed, index, name) : {}),
    signInActivity: {
      lastSignInDateTime: hoursBefore(index % 900),
      lastSignInRequestId: guid(seed, 'sign-in', index),
      lastNonInteractiveSignInDateTime: hoursBefore(index % 50),
      lastNonInteractiveSignInRequestId: guid(seed, 'background', index),
      // Not filled for old history.
      ...(index % 10 === 9
        ? {}
        : {
            lastSuccessfulSignInDateTime: hoursBefore((index % 900) + 1),
            lastSuccessfulSignInRequestId: guid(seed, 'success', index),
          }),
    },
  };
}

function fromDomain(seed: number, index: number, name: string): Record<string, unknown> {
  const objectGuid = Buffer.from(guid(seed, 'objectGUID', index).replaceAll('-', ''), 'hex');
  return {
    onPremisesSyncEnabled: true,
    onPremisesDomainName: 'corp.contoso.example',
    onPremisesSamAccountName: name.slice(0, 20),
    onPremisesSecurityIdentifier: `${domainSid}-${1100 + index}`,
    onPremisesImmutableId: objectGuid.toString('base64'),
    onPremisesLastSyncDateTime: hoursBefore(1),
  };
}
