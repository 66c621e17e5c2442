// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Answer } from '../faults.ts';
import { refuse } from './faults.ts';

export interface LoginOptions {
  readonly basic: { readonly username: string; readonly password: string };
  readonly oauth?: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly tokenSeconds: number;
    /** Default 100 days, as the vendor has it. */
    readonly refreshSeconds?: number;
    /** False: the instance gives clients no tokens of their own, as one without the property or the application user. */
    readonly clientCredentials?: boolean;
  };
}

interface Issued {
  readonly value: string;
  readonly endsMs: number;
}

const hundredDays = 8_640_000;

/** Basic and OAuth as an instance has them. Tokens end by the clock that is handed in, or when they are revoked. */
export class Login {
  /** The grants that were asked for, in order, and whether they were given. */
  readonly grants: { readonly type: string; readonly given: boolean }[] = [];
  /** Every token that was ever given out. */
  readonly issued = new Set<string>();
  private readonly options: LoginOptions;
  private readonly now: () => Date;
  private token: Issued | undefined;
  private refreshToken: Issued | undefined;

  constructor(options: LoginOptions, now: () => Date) {
    this.options = options;
    this.now = now;
  }

  revoke(): void {
    this.token = undefined;
  }

  revokeRefresh(): void {
    this.refreshToken = undefined;
  }

  accepts(authorization: string | undefined): boolean {
    const { username, password } = this.options.basic;
    if (authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`) return true;
    return this.isGood(this.token) && authorization === `Bearer ${this.token.value}`;
  }

  /** POST /oauth_token.do. While a token is valid the same one comes again, with less time left. */
  grant(contentType: string | undefined, body: string): Answer {
    const { oauth } = this.options;
    if (oauth === undefined || contentType?.startsWith('application/x-www-form-urlencoded') !== true) {
      return refuse(400, 'invalid_request');
    }
    const form = new URLSearchParams(body);
    const type = form.get('grant_type') ?? '';
    const client =
      form.get('client_id') === oauth.clientId && form.get('client_secret') === oauth.clientSecret;
    const given = client && this.allows(type, form);
    this.grants.push({ type, given });
    if (!client) return refuseGrant('invalid_client');
    if (!given) return refuseGrant('access_denied');
    this.token = this.current(this.token, oauth.tokenSeconds);
    const { value, endsMs } = this.token;
    const granted = {
      access_token: value,
      ...this.refreshOf(type),
      scope: 'useraccount',
      token_type: 'Bearer',
      expires_in: Math.floor((endsMs - this.now().getTime()) / 1000),
    };
    return (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(granted));
    };
  }

  private allows(type: string, form: URLSearchParams): boolean {
    const { basic, oauth } = this.options;
    switch (type) {
      case 'client_credentials':
        return oauth?.clientCredentials !== false;
      case 'password':
        return form.get('username') === basic.username && form.get('password') === basic.password;
      case 'refresh_token':
        return this.isGood(this.refreshToken) && form.get('refresh_token') === this.refreshToken.value;
      default:
        return false;
    }
  }

  /** The current refresh token comes again, it does not rotate; clients get none. */
  private refreshOf(type: string): { readonly refresh_token?: string } {
    if (type === 'client_credentials') return {};
    this.refreshToken = this.current(this.refreshToken, this.options.oauth?.refreshSeconds ?? hundredDays);
    return { refresh_token: this.refreshToken.value };
  }

  private current(known: Issued | undefined, seconds: number): Issued {
    if (this.isGood(known)) return known;
    const value = randomUUID();
    this.issued.add(value);
    return { value, endsMs: this.now().getTime() + seconds * 1000 };
  }

  private isGood(issued: Issued | undefined): issued is Issued {
    return issued !== undefined && issued.endsMs > this.now().getTime();
  }
}

/** A refusal of the token endpoint, as RFC 6749 has it. */
function refuseGrant(error: string): Answer {
  return (response) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error, error_description: 'the grant was refused' }));
  };
}
