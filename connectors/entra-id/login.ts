// SPDX-License-Identifier: Apache-2.0
import {
  clientAssertion,
  signingCertificate,
  type SigningCertificate,
} from '../../src/connector/client-assertion.ts';
import type { ConnectContext } from '../../src/connector/contract.ts';
import { OAuthTokens } from '../../src/connector/oauth.ts';
import { fieldOf, graphScope, tokenEndpoint } from './clouds.ts';
import type { Config } from './config.ts';
import { tokenRefusal } from './token-refusal.ts';

export interface Login {
  readonly tokens: OAuthTokens;
  readonly clientId: string;
  /** How the account logged in, in words. */
  readonly words: string;
  /** Undefined with a secret. */
  readonly certificate: SigningCertificate | undefined;
}

/** Secret or certificate, as `spec.auth.type` says. Throws a credentials Failure before anything is sent. */
export function loginOf(context: ConnectContext<Config>): Login {
  const { config, credentials } = context;
  const clientId = credentials.value('clientId');
  const certificate =
    credentials.type === 'Certificate' ? signingCertificate(credentials, context.now()) : undefined;
  const endpoint = tokenEndpoint(config);
  const { source } = credentials;
  const proof =
    certificate === undefined
      ? { clientSecret: credentials.value('clientSecret') }
      : {
          assertion: () =>
            clientAssertion(certificate, { clientId, audience: endpoint.href, now: context.now() }),
        };
  const tokens = new OAuthTokens(context, {
    ...proof,
    endpoint,
    urlField: fieldOf(config, 'loginUrl'),
    clientId,
    grant: { type: 'client_credentials' },
    fields: { scope: graphScope(config) },
    remedy: 'check the registration of the application in the tenant',
    classify: (answer) => tokenRefusal(answer, { source, redact: (text) => context.redact(text) }),
  });
  const by =
    certificate === undefined
      ? 'OAuth2, client secret'
      : `Certificate, valid until ${certificate.validTo.toISOString().slice(0, 10)},`;
  return { tokens, clientId, certificate, words: `${by} of ${clientId}` };
}
