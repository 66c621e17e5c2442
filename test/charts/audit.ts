// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { KubeObject } from '../kit/helm.ts';

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly requestURI: string;
  readonly responseStatus?: { readonly code: number };
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** What an account asked of the API server, by its audit log: rights as `verb group/resource`. */
export interface Asked {
  readonly rights: ReadonlySet<string>;
  /** Lines that say what was asked; empty is good. */
  readonly forbidden: readonly string[];
  /** Of objects in namespaces. */
  readonly namespaces: ReadonlySet<string>;
}

export async function askedBy(account: string, auditLogPath: string): Promise<Asked> {
  const lines = (await readFile(auditLogPath, 'utf8')).split('\n').filter((line) => line !== '');
  const events = lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user }) => user.username === account);
  const rights = events.flatMap(({ verb, objectRef }) => {
    if (objectRef?.resource === undefined) return [];
    const { apiGroup = '', resource, subresource } = objectRef;
    return [rightOf(verb, apiGroup, subresource === undefined ? resource : `${resource}/${subresource}`)];
  });
  return {
    rights: new Set(rights),
    forbidden: events
      .filter(({ responseStatus }) => responseStatus?.code === 401 || responseStatus?.code === 403)
      .map(({ verb, requestURI }) => `${verb} ${requestURI}`),
    namespaces: new Set(
      events.flatMap(({ objectRef }) => (objectRef?.namespace === undefined ? [] : [objectRef.namespace])),
    ),
  };
}

/** Everything that the Roles and ClusterRoles among these objects grant, likewise. */
export function grantedBy(objects: readonly KubeObject[]): ReadonlySet<string> {
  const rules = objects
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap((role) => role['rules'] as readonly Rule[]);
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => rightOf(verb, group, resource))),
      ),
    ),
  );
}

function rightOf(verb: string, group: string, resource: string): string {
  return `${verb} ${group}/${resource}`;
}
