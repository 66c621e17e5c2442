// SPDX-License-Identifier: Apache-2.0

/**
 * Attributes that hold secrets, hashed or not, or keys to them ([MS-ADTS] 3.1.1.4.4 and the schemas of LAPS, BitLocker and others). A controller gives most
 * of them to nobody; the others are confidential, and an account may have been given them for another reason.
 */
const secrets: ReadonlySet<string> = new Set([
  'currentvalue',
  'dbcspwd',
  'ipanthash',
  // Policies of IPsec, with their preshared keys.
  'ipsecdata',
  'krbmkey',
  'krbprincipalkey',
  'initialauthincoming',
  'initialauthoutgoing',
  'lmpwdhistory',
  'ntpwdhistory',
  'priorvalue',
  'supplementalcredentials',
  'trustauthincoming',
  'trustauthoutgoing',
  'unicodepwd',
  'userpassword',
  // Certificates with their private keys.
  'userpkcs12',
  'unixuserpassword',
  'orclcommonattribute',
  'ms-mcs-admpwd',
  'msds-managedpassword',
  'msds-keycredentiallink',
  'msds-execscriptpassword',
  'mspkiaccountcredentials',
  'mspkidpapimasterkeys',
  'mspki-credentialroamingtokens',
  'msds-managedpasswordid',
  'msds-managedpasswordpreviousid',
  'mstpm-ownerinformation',
  'mstpm-ownerinformationtemp',
  'peklist',
]);
/** Of local administrators, of encrypted disks, and the keys of managed service accounts. */
const secretPrefixes = ['mslaps-', 'msfve-', 'mskds-'] as const;
/** Of attributes that companies add themselves. */
const secretWord =
  /(?:passwords?|passwd|pwd|(?:password|pwd)-?history|(?:password|pwd|nt|lm)-?hash|passphrase|secrets?|credentials?|private-?keys?|preshared-?keys?|pkcs-?12|tokens?)$/u;
/** Names that end so and tell nothing: times and counts of passwords. */
const harmless: ReadonlySet<string> = new Set(['badpwdcount', 'maxpwdage', 'minpwdage']);

/** Whether the name of an attribute, in any spelling, says that it holds a secret. */
export function isSecretAttribute(name: string): boolean {
  const folded = name.toLowerCase();
  if (harmless.has(folded)) return false;
  return (
    secrets.has(folded) ||
    secretPrefixes.some((prefix) => folded.startsWith(prefix)) ||
    secretWord.test(folded)
  );
}
