// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Answer } from './faults.ts';
import { refuse } from './faults.ts';

export interface LoginOptions {
  readonly basic: { readonly username: string; readonly password: string };
  readonly oauth?: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly tokenSeconds: number;
  };
}

/** Basic and OAuth as an instance has them. Tokens end by the clock that is handed in, or when they are revoked. */
export class Login {
  private readonly options: LoginOptions;
  private readonly now: () => Date;
  private token: { readonly value: string; readonly endsMs: number } | undefined;
  private readonly refreshToken = randomUUID();

  constructor(options: LoginOptions, now: () => Date) {
    this.options = options;
    this.now = now;
  }

  revoke(): void {
    this.token = undefined;
  }

  accepts(authorization: string | undefined): boolean {
    const { username, password } = this.options.basic;
    if (authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`) return true;
    const { token } = this;
    return (
      token !== undefined && token.endsMs > this.now().getTime() && authorization === `Bearer ${token.value}`
    );
  }

  /** POST /oauth_token.do. While a token is valid the same one comes again, with less time left. */
  grant(contentType: string | undefined, body: string): Answer {
    const { oauth, basic } = this.options;
    if (oauth === undefined || contentType?.startsWith('application/x-www-form-urlencoded') !== true) {
      return refuse(400, 'invalid_request');
    }
    const form = new URLSearchParams(body);
    const client =
      form.get('client_id') === oauth.clientId && form.get('client_secret') === oauth.clientSecret;
    const allowed: Readonly<Record<string, boolean>> = {
      client_credentials: true,
      password: form.get('username') === basic.username && form.get('password') === basic.password,
      refresh_token: form.get('refresh_token') === this.refreshToken,
    };
    if (!client || allowed[form.get('grant_type') ?? ''] !== true) return refuse(401, 'access_denied');
    const nowMs = this.now().getTime();
    if (this.token === undefined || this.token.endsMs <= nowMs) {
      this.token = { value: randomUUID(), endsMs: nowMs + oauth.tokenSeconds * 1000 };
    }
    const { value, endsMs } = this.token;
    const expiresIn = Math.floor((endsMs - nowMs) / 1000);
    const granted = {
      access_token: value,
      refresh_token: this.refreshToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
    };
    return (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(granted));
    };
  }
}
