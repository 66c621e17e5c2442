// SPDX-License-Identifier: Apache-2.0

/** Where the database is and how to log in; the part of a pool's settings that comes from outside. */
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  /** Settings of the session, as `-c name=value`. */
  readonly options?: string;
  /** Absent: no TLS. */
  readonly ssl?: { readonly rejectUnauthorized: boolean; readonly ca?: string; readonly servername?: string };
}
