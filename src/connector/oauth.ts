// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { vendorMessage } from './answer.ts';
import type { ConnectContext, Credentials } from './contract.ts';
import { Failure } from './failure.ts';
import type { HttpClient, RawAnswer } from './http.ts';
import { OutOfTries } from './retry.ts';
import type { Redact } from './vendor-words.ts';

/** How tokens are asked for (RFC 6749, 4.3 and 4.4). */
export type OAuthGrant =
  | { readonly type: 'client_credentials' }
  | { readonly type: 'password'; readonly username: string; readonly password: string };

/** How the client proves who it is: by its secret, or by an assertion that it signs anew for each request (RFC 7523, 2.2). */
export type ClientProof = { readonly clientSecret: string } | { readonly assertion: () => string };

export type OAuthOptions = ClientProof & {
  /** Token endpoint. */
  readonly endpoint: URL;
  /** Field of the spec that says where it is, for messages. */
  readonly urlField?: string;
  readonly clientId: string;
  readonly grant: OAuthGrant;
  /** Further fields of the form, such as scope, audience or resource. */
  readonly fields?: Readonly<Record<string, string>>;
  /** What to look at on the vendor's side when the grant is refused. */
  readonly remedy: string;
  /** The vendor's own signs of a refusal, asked before the general reading of one. */
  readonly classify?: (answer: RawAnswer) => Failure | undefined;
};

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

type OAuthContext = Pick<ConnectContext<unknown>, 'credentials' | 'http' | 'learnSecret' | 'redact' | 'now'>;

/** The form of a token answer that is relied on (RFC 6749, 5.1). Some servers send the lifetime as text. */
const TokenAnswer = Type.Object({
  access_token: Type.String({ minLength: 1, maxLength: 65_536 }),
  token_type: Type.Optional(Type.String({ pattern: '^[Bb][Ee][Aa][Rr][Ee][Rr]$' })),
  expires_in: Type.Optional(
    Type.Union([Type.Number({ minimum: 0 }), Type.String({ pattern: '^\\d{1,10}$' })]),
  ),
  refresh_token: Type.Optional(Type.Union([Type.String({ maxLength: 65_536 }), Type.Null()])),
});
const answerCheck = Compile(TokenAnswer);

/** A token is renewed this long before its end, or at half its life if that is later. */
const marginMs = 60_000;
const maxAnswerBytes = 256 * 1024;

interface Token {
  readonly value: string;
  readonly renewAtMs: number;
}

/**
 * The grant that the keys of a Secret ask for: password with `username` and `password`, client credentials without. Throws a
 * credentials Failure when only the password is there: it would silently be another grant.
 */
export function grantOf(credentials: Credentials): OAuthGrant {
  const named = credentials.optional('username') !== undefined;
  if (named) {
    return {
      type: 'password',
      username: credentials.value('username'),
      password: credentials.value('password'),
    };
  }
  if (credentials.optional('password') === undefined) return { type: 'client_credentials' };
  const message = `${credentials.source} has a key password but no username; add username for the password grant, or remove password for client credentials`;
  throw new Failure('credentials', message);
}

/**
 * Bearer tokens of one session, in memory only. A token is asked for when a request needs one, renewed before it ends, and once
 * after a 401; requests that need a new one at the same time wait for the same answer. With the password grant a refresh token
 * is used as long as the vendor takes it, then the grant itself again. Put `authorize` and `onUnauthorized` into the client's
 * options.
 */
export class OAuthTokens {
  private readonly context: OAuthContext;
  private readonly options: OAuthOptions;
  private readonly http: HttpClient;
  private token: Token | undefined;
  private newest: string | undefined;
  private refreshToken: string | undefined;
  private renewal: Promise<Token> | undefined;

  constructor(context: OAuthContext, options: OAuthOptions) {
    this.context = context;
    this.options = options;
    this.http = context.http({
      baseUrl: new URL(options.endpoint.origin),
      ...(options.urlField === undefined ? {} : { urlField: options.urlField }),
      classify: (answer) => this.refusalOf(answer),
    });
  }

  /** Adds the token to the headers. Throws a Failure of the token endpoint. */
  async authorize(headers: Record<string, string>): Promise<void> {
    headers['authorization'] = bearer((await this.current()).value);
  }

  /** Forgets the token that was refused, unless another request has renewed it since. Always worth one more try. */
  onUnauthorized(sent: Readonly<Record<string, string>>): boolean {
    const { token } = this;
    if (token !== undefined && sent['authorization'] === bearer(token.value)) this.token = undefined;
    return true;
  }

  private async current(): Promise<Token> {
    const { token } = this;
    if (token !== undefined && this.context.now().getTime() < token.renewAtMs) return token;
    this.renewal ??= this.renew().finally(() => (this.renewal = undefined));
    return this.renewal;
  }

  private async renew(): Promise<Token> {
    const askedAtMs = this.context.now().getTime();
    const { access_token: value, expires_in: seconds, refresh_token: refreshToken } = await this.ask();
    // Known before anything can quote it.
    this.context.learnSecret(value);
    if (typeof refreshToken === 'string' && refreshToken !== '') {
      this.context.learnSecret(refreshToken);
      // A server may hand out refresh tokens to clients too, which need none: they have what gave them the token.
      if (this.options.grant.type === 'password') this.refreshToken = refreshToken;
    }
    const lifeMs = seconds === undefined ? Infinity : Number(seconds) * 1000;
    // A server may answer the same token as long as it is valid. Asking again and again brings no newer one.
    const aheadMs = value === this.newest ? 0 : Math.min(marginMs, lifeMs / 2);
    this.newest = value;
    this.token = { value, renewAtMs: askedAtMs + lifeMs - aheadMs };
    return this.token;
  }

  private async ask(): Promise<Static<typeof TokenAnswer>> {
    const { grant } = this.options;
    const { refreshToken } = this;
    if (refreshToken !== undefined) {
      try {
        return await this.post({ grant_type: 'refresh_token', refresh_token: refreshToken });
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'credentials') throw error;
        // It has ended or was revoked; the grant itself may still be good.
        this.refreshToken = undefined;
      }
    }
    if (grant.type === 'client_credentials') return this.postAgain({ grant_type: grant.type });
    return this.post({ grant_type: grant.type, username: grant.username, password: grant.password });
  }

  /**
   * What was good a moment ago may be refused by a server that has not heard of it yet: then it is asked once more. Not with a
   * password, which too many refusals lock.
   */
  private async postAgain(grant: Readonly<Record<string, string>>): Promise<Static<typeof TokenAnswer>> {
    try {
      return await this.post(grant);
    } catch (error) {
      const refused = error instanceof Failure && error.code === 'credentials';
      if (!refused || this.newest === undefined) throw error;
      return this.post(grant);
    }
  }

  private proof(): Readonly<Record<string, string>> {
    if ('clientSecret' in this.options) return { client_secret: this.options.clientSecret };
    const assertion = this.options.assertion();
    this.context.learnSecret(assertion);
    return { client_assertion_type: assertionType, client_assertion: assertion };
  }

  private async post(grant: Readonly<Record<string, string>>): Promise<Static<typeof TokenAnswer>> {
    const { clientId, fields, endpoint } = this.options;
    // An assertion is good for some minutes only, and the next try may be later.
    const form = () => ({ ...grant, client_id: clientId, ...this.proof(), ...fields });
    const request = { subject: 'OAuth2 token', method: 'POST', path: endpoint.href, form } as const;
    try {
      return (await this.http.json({ ...request, maxBytes: maxAnswerBytes }, answerCheck)).body;
    } catch (error) {
      const transient =
        error instanceof Failure && (error.code === 'unavailable' || error.code === 'throttled');
      if (!transient) throw error;
      const { retryAfterMs, audience } = error;
      const asked = {
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        ...(audience === undefined ? {} : { audience }),
      };
      throw new OutOfTries(error.code, error.message, { cause: error, ...asked });
    }
  }

  /** The endpoint's own way of refusing (RFC 6749, 5.2); undefined leaves the answer to the general rules. */
  private refusalOf(answer: RawAnswer): Failure | undefined {
    const own = this.options.classify?.(answer);
    if (own !== undefined) return own;
    if (answer.status !== 400 && answer.status !== 401 && answer.status !== 403) return undefined;
    const { grant, remedy } = this.options;
    const { source } = this.context.credentials;
    const proof = 'clientSecret' in this.options ? 'clientSecret' : 'tls.crt with tls.key';
    const keys =
      grant.type === 'password' ? `clientId, ${proof}, username and password` : `clientId and ${proof}`;
    const message = `OAuth2 token: the grant ${grant.type} was refused (${answer.status}, ${saidIn(answer, this.context.redact)}); correct ${keys} in ${source}, or ${remedy}`;
    return new Failure('credentials', message);
  }
}

function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** Code and description of a refusal, bounded. */
function saidIn(answer: RawAnswer, redact: Redact): string {
  const said = vendorMessage(answer, redact);
  const described = vendorMessage(answer, redact, 'error_description');
  return [said, described].filter((part) => part !== '').join(': ') || 'no message';
}
