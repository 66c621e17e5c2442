// SPDX-License-Identifier: Apache-2.0

/** An application that is not switched off, and until when the certificate is valid that it signs people in with. */
export interface SsoCertificate {
  readonly externalId: string;
  readonly name: string | undefined;
  readonly expiresAt: Date;
}

/** The applications of a system that people sign in to, each counted once; those that are switched off only as such. */
export interface SsoCertificates {
  readonly current: number;
  readonly expiring: number;
  readonly expired: number;
  /** Without a certificate that signs. */
  readonly none: number;
  readonly switchedOff: number;
  /** Certificates in the order in which they end, those that have ended first. */
  readonly soonest: readonly SsoCertificate[];
}

export interface CertificateQuestion {
  /** A whole second. What ends before it has ended; at the very second of its end a certificate is still valid. */
  readonly now: Date;
  /** What ends before this, and has not ended, is expiring. */
  readonly expiringBefore: Date;
  /** How many certificates to name. */
  readonly soonest: number;
}

export interface CertificateStore {
  /** Of the records that stand: neither deleted nor withdrawn. Undefined where a system has no such record. One cheap read. */
  ssoCertificates(system: string, question: CertificateQuestion): Promise<SsoCertificates | undefined>;
}
