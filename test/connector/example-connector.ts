// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { ConnectContext } from '../../src/connector/contract.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
import { basicAuthorization } from '../../src/connector/credentials.ts';
import { defineConnector } from '../../src/connector/define.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { HttpClient } from '../../src/connector/http.ts';

/*
 * A whole connector in small, the worked example of docs/connectors.md. Its vendor answers
 * GET /hosts?after=ID&limit=N with { total, hosts: [{ id, name, os }] }, in the order of the ids.
 */

const Config = Type.Object(
  { url: Type.String({ minLength: 8, maxLength: 512, description: 'Base address of the host register.' }) },
  { additionalProperties: false, description: 'A register of hosts.' },
);
type Config = Static<typeof Config>;

/** Only what is relied on; a host may have more fields, and they are kept. */
const Host = Type.Object({
  id: Type.String({ minLength: 1 }),
  name: Type.String(),
  os: Type.Optional(Type.String()),
});
const Page = Compile(Type.Object({ total: Type.Integer(), hosts: Type.Array(Type.Unknown()) }));
/** The last id that is stored, and how many rows lie before it. */
const Place = Type.Object({ after: Type.String(), rows: Type.Integer() });

interface Session {
  readonly http: HttpClient;
  readonly pageSize: number;
}

const scope = 'hosts';

const hosts = defineStream({
  name: 'hosts',
  record: 'Asset',
  needs: ['read hosts'],
  row: Host,
  cursor: Type.Null(),
  checkpoint: Place,
  enabled: () => true,

  async *read(session: Session, request) {
    if (request.ended(scope)) return;
    let place = request.checkpoint(scope) ?? { after: '', rows: 0 };
    for (;;) {
      const query = { after: place.after, limit: String(session.pageSize) };
      const { body } = await session.http.json({ subject: 'hosts', path: '/hosts', query }, Page);
      if (body.hosts.length === 0) {
        // The empty page proves the end only when the vendor counts no more than was read.
        yield place.rows >= body.total
          ? { type: 'end', scope, coverage: 'Full', evidence: { rows: place.rows, counted: body.total } }
          : { type: 'unverified', scope, failure: tooFew(place.rows, body.total) };
        return;
      }
      place = { after: idOf(body.hosts.at(-1)) ?? '', rows: place.rows + body.hosts.length };
      yield { type: 'page', scope, rows: body.hosts, checkpoint: place };
    }
  },

  idOf,

  toRecord: ({ id, name, os, ...others }) => ({
    externalId: id,
    columns: { name, class: 'host', type: 'server', ...(os === undefined ? {} : { operatingSystem: os }) },
    attributes: others,
  }),

  // An owner may map any field of a host; all are there, so none has to be asked for.
  mappable: {
    valueAt(row, path) {
      const value: unknown = Object.hasOwn(row, path) ? Reflect.get(row, path) : undefined;
      return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
    },
    pathProblem: () => undefined,
  },

  async test(session: Session) {
    const { body } = await session.http.json(
      { subject: 'hosts', path: '/hosts', query: { limit: '1' } },
      Page,
    );
    return `hosts: ${body.total} readable`;
  },
});

function idOf(row: unknown): string | undefined {
  const id = (row as { id?: unknown } | null)?.id;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function tooFew(rows: number, total: number): Failure {
  const remedy = 'grant the account the right to read all hosts';
  return new Failure('permission', `hosts: ${rows} of ${total} counted rows were given; ${remedy}`);
}

export const hostRegister = defineConnector({
  id: 'hostRegister',
  category: 'cmdb',
  title: 'Host register',
  version: 1,
  config: Config,
  auth: ['Basic'],
  folder: 'host-register',
  streams: [hosts],
  origin: ({ url }) => new URL(url),
  open: async (context: ConnectContext<Config>) => {
    const { config, credentials, pageSize = 100 } = context;
    const baseUrl = new URL(config.url);
    const account = credentials.value('username');
    const authorization = basicAuthorization(account, credentials.value('password'));
    const http = context.http({
      baseUrl,
      authorize(headers) {
        headers['authorization'] = authorization;
      },
    });
    return { session: { http, pageSize }, source: baseUrl.origin, account };
  },
});
