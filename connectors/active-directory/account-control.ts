// SPDX-License-Identifier: Apache-2.0

/** Bits of `userAccountControl` ([MS-ADTS] 2.2.16), by the names of the vendor. */
const controlBits = {
  ACCOUNTDISABLE: 0x2,
  HOMEDIR_REQUIRED: 0x8,
  PASSWD_NOTREQD: 0x20,
  ENCRYPTED_TEXT_PASSWORD_ALLOWED: 0x80,
  TEMP_DUPLICATE_ACCOUNT: 0x100,
  NORMAL_ACCOUNT: 0x200,
  INTERDOMAIN_TRUST_ACCOUNT: 0x800,
  WORKSTATION_TRUST_ACCOUNT: 0x1000,
  SERVER_TRUST_ACCOUNT: 0x2000,
  DONT_EXPIRE_PASSWORD: 0x1_0000,
  MNS_LOGON_ACCOUNT: 0x2_0000,
  SMARTCARD_REQUIRED: 0x4_0000,
  TRUSTED_FOR_DELEGATION: 0x8_0000,
  NOT_DELEGATED: 0x10_0000,
  USE_DES_KEY_ONLY: 0x20_0000,
  DONT_REQUIRE_PREAUTH: 0x40_0000,
  TRUSTED_TO_AUTH_FOR_DELEGATION: 0x100_0000,
  PARTIAL_SECRETS_ACCOUNT: 0x400_0000,
} as const;

/** LOCKOUT (0x10), PASSWD_CANT_CHANGE (0x40) and PASSWORD_EXPIRED (0x800000) are not kept there: the computed attribute tells them. */
export type ControlFlag = keyof typeof controlBits;

/** Names of the bits that are set, lowest first. */
export function controlFlags(control: number): readonly ControlFlag[] {
  return (Object.keys(controlBits) as ControlFlag[]).filter((name) => (control & controlBits[name]) !== 0);
}

export function isEnabled(control: number): boolean {
  return (control & controlBits.ACCOUNTDISABLE) === 0;
}

export function isDomainController(control: number): boolean {
  return (control & controlBits.SERVER_TRUST_ACCOUNT) !== 0;
}

/** `msDS-User-Account-Control-Computed`: what holds at the moment of the reading. */
export function computedFlags(computed: number): {
  readonly locked: boolean;
  readonly passwordExpired: boolean;
} {
  return { locked: (computed & 0x10) !== 0, passwordExpired: (computed & 0x80_0000) !== 0 };
}

/** A 32-bit number as directories write it; undefined when the text is none. */
export function int32(text: string): number | undefined {
  const value = Number(text);
  return /^-?\d{1,10}$/u.test(text) && value >= -(2 ** 31) && value < 2 ** 32 ? value : undefined;
}
