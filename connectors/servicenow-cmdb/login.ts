// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectContext } from '../../src/connector/contract.ts';
import { basicAuthorization } from '../../src/connector/credentials.ts';
import type { HttpClientOptions } from '../../src/connector/http.ts';
import { grantOf, OAuthTokens } from '../../src/connector/oauth.ts';
import type { Config } from './config.ts';

/** Instances answer 401 to good credentials now and then; one spaced retry tells them from bad ones. */
const unauthorizedWaitMs = 1000;

export interface Login extends Required<Pick<HttpClientOptions, 'authorize' | 'onUnauthorized'>> {
  /** Who reads, for the fingerprint. */
  readonly account: string;
  /** The same in words. */
  readonly words: string;
}

/** Basic or OAuth2, as `spec.auth.type` says. Throws a Failure that names a missing key of the Secret. */
export function loginOf(context: ConnectContext<Config>, baseUrl: URL): Login {
  const login = context.credentials.type === 'OAuth2' ? oauth(context, baseUrl) : basic(context);
  return {
    ...login,
    async onUnauthorized(sent) {
      await wait(unauthorizedWaitMs, undefined, { signal: context.signal });
      return login.onUnauthorized(sent);
    },
  };
}

function basic({ credentials }: ConnectContext<Config>): Login {
  const account = credentials.value('username');
  const authorization = basicAuthorization(account, credentials.value('password'));
  return {
    account,
    words: `Basic, user ${account}`,
    authorize(headers) {
      headers['authorization'] = authorization;
    },
    onUnauthorized: () => Promise.resolve(true),
  };
}

function oauth(context: ConnectContext<Config>, baseUrl: URL): Login {
  const { credentials } = context;
  const clientId = credentials.value('clientId');
  const grant = grantOf(credentials);
  const tokens = new OAuthTokens(context, {
    endpoint: new URL('oauth_token.do', baseUrl),
    clientId,
    clientSecret: credentials.value('clientSecret'),
    grant,
    remedy:
      grant.type === 'password'
        ? 'check that the application registry entry is active and the user is neither locked out nor bound to multi-factor authentication'
        : 'check that the application registry entry is active and names an OAuth application user, and that the property glide.oauth.inbound.client.credential.grant_type.enabled is true',
  });
  const user = grant.type === 'password' ? grant.username : undefined;
  return {
    account: user === undefined ? clientId : `${clientId} ${user}`,
    words:
      user === undefined
        ? `OAuth2, client credentials of ${clientId}`
        : `OAuth2, password grant of ${clientId} for user ${user}`,
    authorize: (headers) => tokens.authorize(headers),
    onUnauthorized: (sent) => Promise.resolve(tokens.onUnauthorized(sent)),
  };
}
