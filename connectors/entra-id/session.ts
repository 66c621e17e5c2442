// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import type { SigningCertificate } from '../../src/connector/client-assertion.ts';
import type { ConnectContext } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import type { MappedPath } from '../../src/connector/mapping.ts';
import { classifyAnswer, isForeignIdentity, type AnswerContext } from './answers.ts';
import { BatchRequest } from './batch.ts';
import { cloudOf, fieldOf, graphBase } from './clouds.ts';
import type { Config } from './config.ts';
import { DeletedItems } from './deleted-items.ts';
import { Graph, maxPageSize } from './graph.ts';
import { loginOf } from './login.ts';
import { rolesOf } from './token-roles.ts';
import { Organization } from './wire.ts';

export interface Tenant {
  readonly id: string;
  /** Undefined where the organization may not be read. */
  readonly name: string | undefined;
}

export interface Session {
  readonly config: Config;
  readonly graph: Graph;
  /** Base address of Graph, version included. */
  readonly base: URL;
  readonly pageSize: number;
  readonly tenant: Tenant;
  /** What the token says was granted; undefined when it does not say. For diagnostics, and to be sure of what looks hidden. */
  readonly roles: ReadonlySet<string> | undefined;
  readonly certificate: SigningCertificate | undefined;
  readonly roleMappings: readonly PlacedRoleMapping[];
  readonly deleted: DeletedItems;
  readonly now: () => Date;
  /** What the mapping of a stream asks for. */
  mappedPaths(stream: string): readonly MappedPath[];
}

export interface OpenedSession {
  readonly session: Session;
  readonly source: string;
  readonly account: string;
  readonly login: string;
}

const organizationCheck = Compile(Organization);
const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;

/** Proves login and consent with one call, which tells the tenant. */
export async function openSession(context: ConnectContext<Config>): Promise<OpenedSession> {
  const { config, credentials } = context;
  const login = loginOf(context);
  const base = graphBase(config);
  let clientRequestId: string | undefined;
  let foreign = false;
  const answerContext = (): AnswerContext => ({
    redact: (text) => context.redact(text),
    secret: credentials.source,
    clientRequestId,
  });
  const http = context.http({
    baseUrl: base,
    urlField: fieldOf(config, 'graphUrl'),
    async authorize(headers) {
      await login.tokens.authorize(headers);
      clientRequestId = headers['x-correlation-id'];
      if (clientRequestId !== undefined) headers['client-request-id'] = clientRequestId;
      // Work in the background: whoever waits for an answer goes first.
      headers['x-ms-throttle-priority'] = 'low';
    },
    onUnauthorized: (sent) => Promise.resolve(!foreign && login.tokens.onUnauthorized(sent)),
    classify(answer, request) {
      foreign = isForeignIdentity(answer);
      if (request instanceof BatchRequest && answer.status === 200)
        return request.take(answer, answerContext(), context.now());
      return classifyAnswer(answer, request, answerContext());
    },
  });
  const graph = new Graph(http, answerContext);
  // A token first: what its endpoint refuses is the whole run's business, not that of a stream.
  const headers: Record<string, string> = {};
  await login.tokens.authorize(headers);
  const tenant = await tenantOf(graph, config);
  const session: Session = {
    config,
    graph,
    base,
    pageSize: context.pageSize ?? maxPageSize,
    tenant,
    roles: rolesOf(headers['authorization'] ?? ''),
    certificate: login.certificate,
    roleMappings: context.roleMappings,
    deleted: new DeletedItems(graph),
    now: () => context.now(),
    mappedPaths: (stream) => context.mappedPaths(stream),
  };
  return {
    session,
    source: `${cloudOf(config)} ${tenant.id}`,
    account: login.clientId,
    login: login.words,
  };
}

/**
 * The tenant that answers. Without the right to ask for it a GUID of the configuration says it as well; a domain may move to another tenant, so
 * rows are bound to none.
 */
async function tenantOf(graph: Graph, { tenantId }: Config): Promise<Tenant> {
  const configured = guid.test(tenantId) ? tenantId.toLowerCase() : undefined;
  try {
    const request = {
      subject: 'organization (needs Organization.Read.All)',
      path: 'organization',
      query: { $select: 'id,displayName' },
    };
    const { value } = await graph.one(request, organizationCheck);
    const [found] = value;
    const id = found?.id.toLowerCase() ?? '';
    if (configured === undefined || configured === id) return { id, name: found?.displayName ?? undefined };
    throw new Failure(
      'configuration',
      `organization: tenant ${id} answers, and spec.connector.entraId.tenantId is ${configured}; correct tenantId, or graphUrl and loginUrl`,
    );
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'permission') throw error;
    if (configured !== undefined) return { id: configured, name: undefined };
    const message = `${error.message}; or set spec.connector.entraId.tenantId to the id of the tenant instead of its domain`;
    throw new Failure('permission', message, { cause: error });
  }
}
