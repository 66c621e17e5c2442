// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { checkAssertion } from './assertion.ts';
import { graphError, type Reply } from './reply.ts';

export interface Application {
  readonly clientId: string;
  readonly clientSecret?: string;
  /** PEM; an assertion signed by one of them is accepted. RSA keys. */
  readonly certificates?: readonly string[];
  /** Default 3599, as the vendor has it. */
  readonly tokenSeconds?: number;
}

/** Of the token endpoint. */
interface Address {
  readonly origin: string;
  readonly path: string;
}

interface Issued {
  readonly endsMs: number;
}

const texts: Readonly<Record<number, readonly [status: number, error: string]>> = {
  7_000_215: [401, 'invalid_client'],
  7_000_222: [401, 'invalid_client'],
  7_000_218: [401, 'invalid_client'],
  700_021: [401, 'invalid_client'],
  700_024: [401, 'invalid_client'],
  700_027: [401, 'invalid_client'],
  50_027: [401, 'invalid_client'],
  700_016: [400, 'unauthorized_client'],
  90_002: [400, 'invalid_request'],
  900_023: [400, 'invalid_request'],
  900_144: [400, 'invalid_request'],
  70_003: [400, 'unsupported_grant_type'],
  1_002_012: [400, 'invalid_scope'],
};
const guidForm = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/iu;

/** The token endpoint of a tenant, and what becomes of its tokens. They end by the clock that is handed in, or when they are revoked. */
export class Login {
  /** Who asked in which way, and whether a token was given. */
  readonly grants: { readonly by: 'secret' | 'certificate'; readonly given: boolean }[] = [];
  /** Every token that was ever given out. */
  readonly issued = new Map<string, Issued>();
  /** The application as it stands; a new secret or certificate is put here. */
  application: Application;
  /** From when on the secret is refused as expired. */
  secretExpires: Date | undefined;
  /** Scopes that are given; others are refused. */
  readonly scopes = new Set(['https://graph.microsoft.com/.default']);
  /** Addresses besides the one that was asked at, for which assertions may be made. */
  readonly origins = new Set<string>();
  private readonly tenants: readonly string[];
  private readonly now: () => Date;
  private readonly roles: () => readonly string[];

  constructor(
    application: Application,
    given: {
      readonly tenants: readonly string[];
      readonly now: () => Date;
      readonly roles: () => readonly string[];
    },
  ) {
    this.application = application;
    this.tenants = given.tenants;
    this.now = given.now;
    this.roles = given.roles;
  }

  /** All tokens given so far are refused from now on. */
  revoke(): void {
    for (const token of this.issued.keys()) this.issued.set(token, { endsMs: 0 });
  }

  /** What Graph says to a token: nothing when it is good. */
  refusal(authorization: string | undefined): Reply | undefined {
    const token = this.issued.get(/^Bearer (.+)$/u.exec(authorization ?? '')?.[1] ?? '');
    const challenge = { 'www-authenticate': 'Bearer realm="", error="invalid_token"' };
    if (token === undefined) {
      const said = authorization === undefined ? 'Access token is empty.' : 'Invalid access token.';
      return graphError(401, 'InvalidAuthenticationToken', said, challenge);
    }
    if (token.endsMs > this.now().getTime()) return undefined;
    return graphError(
      401,
      'Authentication_ExpiredToken',
      'Lifetime validation failed, the token is expired.',
      challenge,
    );
  }

  /** POST /{tenant}/oauth2/v2.0/token. */
  grant(tenant: string, contentType: string | undefined, body: string, at: Address): Reply {
    if (contentType?.startsWith('application/x-www-form-urlencoded') !== true) {
      return this.refuse(900_144, "The request body must contain the parameter: 'grant_type'.");
    }
    const form = new URLSearchParams(body);
    const wrong = this.wrongRequest(tenant, form) ?? this.wrongCredential(form, at);
    this.grants.push({
      by: form.has('client_assertion') ? 'certificate' : 'secret',
      given: wrong === undefined,
    });
    if (wrong !== undefined) return this.refuse(...wrong);
    const seconds = this.application.tokenSeconds ?? 3599;
    const token = this.token(seconds);
    this.issued.set(token, { endsMs: this.now().getTime() + seconds * 1000 });
    return {
      status: 200,
      body: { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, access_token: token },
    };
  }

  private wrongRequest(tenant: string, form: URLSearchParams): readonly [number, string] | undefined {
    if (!guidForm.test(tenant) && !tenant.includes('.')) {
      return [
        900_023,
        `Specified tenant identifier '${tenant}' is neither a valid DNS name, nor a valid external domain.`,
      ];
    }
    if (!this.tenants.includes(tenant.toLowerCase())) return [90_002, `Tenant '${tenant}' not found.`];
    const type = form.get('grant_type') ?? '';
    if (type !== 'client_credentials')
      return [70_003, `The app requested an unsupported grant type '${type}'.`];
    const client = form.get('client_id') ?? '';
    if (client !== this.application.clientId) {
      return [700_016, `Application with identifier '${client}' was not found in the directory 'Contoso'.`];
    }
    const scope = form.get('scope') ?? '';
    if (!this.scopes.has(scope)) return [1_002_012, `The provided value for scope ${scope} is not valid.`];
    return undefined;
  }

  private wrongCredential(
    form: URLSearchParams,
    { origin, path }: Address,
  ): readonly [number, string] | undefined {
    const assertion = form.get('client_assertion');
    const { clientId, clientSecret, certificates = [] } = this.application;
    if (assertion !== null) {
      const type = form.get('client_assertion_type');
      if (type !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') {
        return [50_027, `JWT token is invalid or malformed: client_assertion_type '${String(type)}'.`];
      }
      const audiences = [origin, ...this.origins].map((one) => `${one}${path}`);
      return checkAssertion(assertion, { clientId, audiences, certificates, now: this.now() });
    }
    const secret = form.get('client_secret');
    if (secret === null)
      return [7_000_218, "The request body must contain 'client_assertion' or 'client_secret'."];
    if (clientSecret === undefined || secret !== clientSecret)
      return [7_000_215, 'Invalid client secret provided.'];
    if (this.secretExpires !== undefined && this.secretExpires <= this.now()) {
      return [7_000_222, 'The provided client secret keys are expired.'];
    }
    return undefined;
  }

  private refuse(code: number, message: string): Reply {
    return loginError(code, message, this.now());
  }

  /** A text of the form of a JWT. Only `roles` means anything, to people who look why there was a 403. */
  private token(seconds: number): string {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const iat = Math.floor(this.now().getTime() / 1000);
    const claims = {
      aud: 'https://graph.microsoft.com',
      iat,
      exp: iat + seconds,
      roles: this.roles(),
      uti: randomUUID(),
    };
    return `${part({ typ: 'JWT', alg: 'RS256' })}.${part(claims)}.${randomUUID().replaceAll('-', '')}`;
  }
}

/** A refusal of the token endpoint with the vendor's code. */
export function loginError(code: number, message: string, now: Date): Reply {
  const [status, error] = texts[code] ?? [400, 'invalid_request'];
  const [trace, correlation] = [randomUUID(), randomUUID()];
  const timestamp = `${now.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const ids = `Trace ID: ${trace}\r\nCorrelation ID: ${correlation}\r\nTimestamp: ${timestamp}`;
  return {
    status,
    body: {
      error,
      error_description: `AADSTS${code}: ${message}\r\n${ids}`,
      error_codes: [code],
      timestamp,
      trace_id: trace,
      correlation_id: correlation,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
  };
}
