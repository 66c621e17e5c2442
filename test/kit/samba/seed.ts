// SPDX-License-Identifier: Apache-2.0
import { randomFrom } from '../random.ts';
import { baseDN, dnsDomain } from './settings.ts';

/** What the seeded domain holds beside what every new domain has. */
export const seeded = {
  users: 2500,
  bigGroupMembers: 2300,
  computers: 200,
  contacts: 30,
  disabledUsers: 125,
  expiredUsers: 40,
  staffPrimary: 40,
} as const;

/** Accounts to log in with. All passwords differ from each other, so that one in a text is found. */
export const accounts = {
  sync: { name: 'svc-sync', password: 'Sync-pw-7hQ2' },
  admin: { name: 'svc-admin', password: 'Admin-pw-9kT4' },
  disabled: { name: 'svc-disabled', password: 'Disabled-pw-3' },
  expired: { name: 'svc-expired', password: 'Expired-pw-4' },
  mustChange: { name: 'svc-mustchange', password: 'MustChange-pw-5' },
  locked: { name: 'svc-locked', password: 'Locked-pw-6' },
} as const;

export const organisation = `OU=Organisation,${baseDN}`;
export const places = {
  people: `OU=People,${organisation}`,
  leavers: `OU=Leavers,${organisation}`,
  groups: `OU=Groups,${organisation}`,
  computers: `OU=Computers,${organisation}`,
  contacts: `OU=Contacts,${organisation}`,
  service: `OU=Service,${organisation}`,
  empty: `OU=Empty,${organisation}`,
} as const;

const cities = ['Berlin', 'Madrid', 'Oslo', 'Wien'] as const;
const givenNames = ['Ann', 'Björn', 'Carla', 'Dieter', 'Elif', 'François', 'Grace', 'Hugo', 'Ines', 'Jörg'];
const surnames = ['Example', 'Müller', "O'Neil", 'Sample', 'Øster', 'Nowak', 'García', 'Ito'];
const departments = ['Sales', 'Research & Development', 'Finance', 'Operations', 'Legal'];
const titles = ['Engineer', 'Manager', 'Analyst', 'Director', 'Assistant'];

type Attribute = readonly [name: string, value: string | Buffer];

/** One entry of LDIF; everything that is no plain ASCII goes as base64. */
function entry(dn: string, attributes: readonly Attribute[]): string {
  const lines = [line('dn', dn), 'changetype: add', ...attributes.map(([name, value]) => line(name, value))];
  return `${lines.join('\n')}\n\n`;
}

/** One line of LDIF. */
export function line(name: string, value: string | Buffer): string {
  const plain =
    typeof value === 'string' && /^[\x21-\x39\x3b-\x7e]?[\x20-\x7e]*$/u.test(value) && !/^[ :<]/u.test(value);
  return plain ? `${name}: ${value}` : `${name}:: ${Buffer.from(value).toString('base64')}`;
}

function password(text: string): Attribute {
  return ['unicodePwd', Buffer.from(`"${text}"`, 'utf16le')];
}

export function userName(number: number): string {
  return `u${String(number).padStart(4, '0')}`;
}

/** A comma and an umlaut stand in some names, since programs split there. */
function userRdn(number: number, given: string, surname: string): string {
  const name = `${surname}${number % 7 === 0 ? '\\, ' : ' '}${given} ${number}`;
  return `CN=${name}`;
}

/** The domain as LDIF, the same for the same seed. Entries stand after those that they name. */
export function seedLdif(seed: number): string {
  const next = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const parts: string[] = [];
  const add = (dn: string, attributes: readonly Attribute[]) => parts.push(entry(dn, attributes));

  for (const dn of [organisation, ...Object.values(places)]) add(dn, [['objectClass', 'organizationalUnit']]);
  for (const city of cities) add(`OU=${city},${places.people}`, [['objectClass', 'organizationalUnit']]);

  const users: string[] = [];
  for (let number = 1; number <= seeded.users; number++) {
    const given = pick(givenNames);
    const surname = pick(surnames);
    const dn = `${userRdn(number, given, surname)},OU=${pick(cities)},${places.people}`;
    const manager = number > 20 ? users[Math.floor(next() * Math.min(users.length, 200))] : undefined;
    const sAMAccountName = userName(number);
    add(dn, [
      ['objectClass', 'user'],
      ['sAMAccountName', sAMAccountName],
      // Some accounts have none, as those made by old programs.
      ...(number % 50 === 0 ? [] : [['userPrincipalName', `${sAMAccountName}@${dnsDomain}`] as const]),
      ['userAccountControl', number <= seeded.disabledUsers ? '514' : number % 3 === 0 ? '66048' : '512'],
      ...(number > seeded.disabledUsers && number <= seeded.disabledUsers + seeded.expiredUsers
        ? [['accountExpires', '132223104000000000'] as const]
        : []),
      ...(number % 10 === 0 ? [] : [['displayName', `${given} ${surname}`] as const]),
      ['givenName', given],
      ['sn', surname],
      ['mail', `${sAMAccountName}@example.com`],
      ['department', pick(departments)],
      ['title', pick(titles)],
      ['company', 'Example Ltd'],
      ['employeeID', String(100_000 + number)],
      ['telephoneNumber', `+49 30 ${String(1000 + number)}`],
      ['physicalDeliveryOfficeName', `Room ${String(number % 90)}`],
      ...(manager === undefined ? [] : [['manager', manager] as const]),
    ]);
    users.push(dn);
  }
  const account = (name: string, control: string, more: readonly Attribute[] = []) =>
    add(`CN=${name},${places.service}`, [
      ['objectClass', 'user'],
      ['sAMAccountName', name],
      ['userPrincipalName', `${name}@${dnsDomain}`],
      ['userAccountControl', control],
      ...more,
    ]);
  const { sync, admin, disabled, expired, mustChange, locked } = accounts;
  account(sync.name, '66048', [password(sync.password)]);
  account(admin.name, '66048', [password(admin.password)]);
  account(disabled.name, '66050', [password(disabled.password)]);
  account(expired.name, '66048', [password(expired.password), ['accountExpires', '132223104000000000']]);
  account(mustChange.name, '512', [password(mustChange.password), ['pwdLastSet', '0']]);
  account(locked.name, '66048', [password(locked.password)]);

  const computers: string[] = [];
  for (let number = 1; number <= seeded.computers; number++) {
    const name = `PC${String(number).padStart(4, '0')}`;
    const dn = `CN=${name},${places.computers}`;
    const server = number % 10 === 0;
    add(dn, [
      ['objectClass', 'computer'],
      ['sAMAccountName', `${name}$`],
      ['userAccountControl', number % 20 === 1 ? '4098' : '4096'],
      ['dNSHostName', `${name.toLowerCase()}.${dnsDomain}`],
      ['operatingSystem', server ? 'Windows Server 2022 Standard' : 'Windows 11 Enterprise'],
      ['operatingSystemVersion', server ? '10.0 (20348)' : '10.0 (22631)'],
      ['location', pick(cities)],
      ...(number % 4 === 0 ? [['managedBy', pick(users)] as const] : []),
    ]);
    computers.push(dn);
  }
  const contacts: string[] = [];
  for (let number = 1; number <= seeded.contacts; number++) {
    const dn = `CN=Partner ${String(number)},${places.contacts}`;
    add(dn, [
      ['objectClass', 'contact'],
      ['displayName', `Partner ${String(number)}`],
      ['mail', `partner${String(number)}@example.org`],
    ]);
    contacts.push(dn);
  }

  const group = (name: string, members: readonly string[], more: readonly Attribute[] = []): string => {
    const dn = `CN=${name},${places.groups}`;
    add(dn, [
      ['objectClass', 'group'],
      ['sAMAccountName', name],
      ...more,
      ...members.map((member) => ['member', member] as const),
    ]);
    return dn;
  };
  const all = group('All Staff', users.slice(0, seeded.bigGroupMembers), [
    ['description', 'Everybody'],
    ['mail', 'all@example.com'],
    ['managedBy', users[0] ?? ''],
  ]);
  const [one = '', two = '', three = ''] = users.slice(100, 103);
  const inner = group('Inner', [one, two]);
  const middle = group('Middle', [inner, three]);
  group('Outer', [middle, all]);
  group('Empty Group', []);
  group('Mixed', [one, ...computers.slice(0, 3), ...contacts.slice(0, 2), inner]);
  group('Staff', users.slice(0, seeded.staffPrimary));
  group('Newsletter', [two, ...contacts], [['groupType', '8']]);
  group(
    'Local Readers',
    [one, `CN=S-1-5-11,CN=ForeignSecurityPrincipals,${baseDN}`],
    [['groupType', '-2147483644']],
  );
  // Members of each other in a circle, which the directory allows.
  group('Circle A', []);
  const circleB = group('Circle B', [`CN=Circle A,${places.groups}`]);
  const circleC = group('Circle C', [circleB]);
  parts.push(change(`CN=Circle A,${places.groups}`, 'member', circleC));
  parts.push(change(`CN=Domain Admins,CN=Users,${baseDN}`, 'member', `CN=${admin.name},${places.service}`));
  return parts.join('');
}

/** For ldbmodify, which takes new entries too. */
function change(dn: string, attribute: string, value: string): string {
  return `${line('dn', dn)}\nchangetype: modify\nadd: ${attribute}\n${line(attribute, value)}\n\n`;
}

/** Who belongs to a group by the number that names it in their own entry: they must be members when it is set. */
export function primaryGroupLdif(users: readonly string[], rid: string): string {
  return users
    .map((dn) => `${line('dn', dn)}\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: ${rid}\n\n`)
    .join('');
}
