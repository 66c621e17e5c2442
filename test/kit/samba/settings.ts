// SPDX-License-Identifier: Apache-2.0

/** Names of the test domain. */
export const realm = 'CORP.EXAMPLE.TEST';
export const dnsDomain = 'corp.example.test';
export const netbiosDomain = 'CORP';
export const baseDN = 'DC=corp,DC=example,DC=test';
export const dcName = 'dc1.corp.example.test';
export const domainSid = 'S-1-5-21-1000000001-1000000002-1000000003';
export const invocationId = '22222222-2222-4222-8222-222222222222';
export const adminPassword = 'Passw0rd-test';

export const provisionArguments: readonly string[] = [
  'domain',
  'provision',
  '--configfile=/dev/null',
  `--realm=${realm}`,
  `--domain=${netbiosDomain}`,
  '--server-role=dc',
  '--dns-backend=NONE',
  `--adminpass=${adminPassword}`,
  '--host-name=dc1',
  '--host-ip=127.0.0.1',
  `--domain-sid=${domainSid}`,
  `--invocationid=${invocationId}`,
  '--option=interfaces=127.0.0.1/8',
  '--option=bind interfaces only=yes',
  '--option=ldb:nosync=true',
  // Where the file system takes no attributes of the trusted kind, as in many containers.
  '--option=acl_xattr:security_acl_name=user.NTACL',
];

/** Only LDAP is served; its ports are fixed, so each domain has an address of its own. */
export function smbConf(folder: string, address: string): string {
  const lines = [
    '[global]',
    'netbios name = DC1',
    `realm = ${realm}`,
    `workgroup = ${netbiosDomain}`,
    'server role = active directory domain controller',
    'server services = ldap',
    `interfaces = ${address}/8`,
    'bind interfaces only = yes',
    'disable netbios = yes',
    `private dir = ${folder}/private`,
    `state directory = ${folder}/state`,
    `lock directory = ${folder}`,
    `cache directory = ${folder}/cache`,
    `binddns dir = ${folder}/bind-dns`,
    `pid directory = ${folder}/run`,
    `ncalrpc dir = ${folder}/run/ncalrpc`,
    `winbindd socket directory = ${folder}/run/winbindd`,
    `ntp signd socket directory = ${folder}/run/ntp`,
    `log file = ${folder}/log`,
    `tls cafile = ${folder}/private/tls/ca.pem`,
    `tls certfile = ${folder}/private/tls/cert.pem`,
    `tls keyfile = ${folder}/private/tls/key.pem`,
  ];
  return `${lines.join('\n')}\n`;
}
