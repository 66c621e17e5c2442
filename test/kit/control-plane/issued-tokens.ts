// SPDX-License-Identifier: Apache-2.0
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';

const Identity = Type.Object({ user: Type.String(), groups: Type.Array(Type.String()) });
type Identity = Static<typeof Identity>;
const checkIdentity = Compile(Identity);
const checkReview = Compile(
  Type.Object({ apiVersion: Type.String(), spec: Type.Object({ token: Type.String() }) }),
);

/**
 * A bearer token that names its user and groups, signed with the control plane's key. The API server knows static tokens
 * only from a file it reads once; with these, any process that has the key makes a user the moment a test wants one.
 */
export function issueToken(key: string, identity: Identity): string {
  const body = Buffer.from(JSON.stringify(identity)).toString('base64url');
  return `${body}.${sign(key, body)}`;
}

export interface TokenReviewer {
  readonly url: string;
  close(): Promise<void>;
}

/** The webhook that the API server asks about tokens it does not know (TokenReview, authentication.k8s.io/v1). */
export async function startTokenReviewer(key: string): Promise<TokenReviewer> {
  const server = createServer((request, response) => {
    review(key, request, response).catch((error: unknown) => {
      response.writeHead(400).end(error instanceof Error ? error.message : String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // The API server's idle connection must not keep a finished process alive.
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the token reviewer has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function review(key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked: unknown = JSON.parse(await text(request));
  if (!checkReview.Check(asked)) throw new Error('not a TokenReview');
  const identity = readToken(key, asked.spec.token);
  const status =
    identity === undefined
      ? { authenticated: false }
      : { authenticated: true, user: { username: identity.user, groups: identity.groups } };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ apiVersion: asked.apiVersion, kind: 'TokenReview', status }));
}

function readToken(key: string, token: string): Identity | undefined {
  const [body = '', signature = ''] = token.split('.');
  const expected = Buffer.from(sign(key, body));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const identity: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  return checkIdentity.Check(identity) ? identity : undefined;
}

function sign(key: string, body: string): string {
  return createHmac('sha256', key).update(body).digest('base64url');
}
