// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest, Stream } from '../../src/connector/contract.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
import { joined, warning } from '../../src/connector/finding.ts';
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import type { Base } from './bases.ts';
import type { DeletedClass } from './deleted-objects.ts';
import { rowOf } from './entry-row.ts';
import { guidOf } from './guid.ts';
import { mappableRow } from './mappable-row.ts';
import { unknownAttributes } from './mapped-attributes.ts';
import { objectProbe } from './probe.ts';
import { checkBase, readScope, scopeName, type ScopeEvent, type ScopePage } from './scope.ts';
import { isSecretAttribute } from './secret-attributes.ts';
import type { Session } from './session.ts';
import { Checkpoint, Cursor, ObjectRow, type MemberKind } from './wire.ts';

/** A kind of object that a stream reads. */
export interface ObjectKind {
  readonly stream: 'users' | 'groups' | 'computers';
  readonly member: MemberKind;
  /** By category and class, which are indexed. */
  readonly filter: string;
  /** The same objects by `sAMAccountType`. */
  readonly otherFilter: string;
  readonly deleted: DeletedClass;
  readonly attributes: readonly string[];
}

/** A stream that reads the objects of one kind below its bases. */
export function objectStream<Kind extends 'User' | 'Group' | 'Device'>(
  kind: ObjectKind,
  record: Kind,
  toRecord: (row: ObjectRow, session: Session) => NormalisedRecord<Kind>,
): Stream<Session> {
  const { stream, filter } = kind;
  return defineStream({
    name: stream,
    record,
    needs: [`read ${stream} (as Authenticated Users have)`, 'list and read deleted objects (optional)'],
    row: ObjectRow,
    secretField: isSecretAttribute,
    cursor: Cursor,
    checkpoint: Checkpoint,
    enabled: (_session: Session) => true,
    read: (session, request) => readObjects(session, kind, request),
    idOf: objectId,
    toRecord,
    mappable: mappableRow,
    probe: objectProbe(stream),
    async test(session) {
      const found = await testBases(session, session.bases[stream], { what: stream, filter });
      const unknown = await unknownAttributes(session, stream);
      if (unknown.length === 0) return found;
      const names = unknown.join(', ');
      const message = `spec.mapping.${stream}: the schema of the directory has no attribute ${names}, so that it gives nothing; correct the name`;
      return joined([warning(message), found]);
    },
  });
}

async function* readObjects(
  session: Session,
  kind: ObjectKind,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, void, void> {
  const mapped = session.mappedAttributes(kind.stream);
  const attributes = [...new Set([...kind.attributes.map((name) => name.toLowerCase()), ...mapped])];
  for (const base of session.bases[kind.stream]) {
    yield* readScope(
      session,
      {
        scope: scopeName(base),
        base,
        what: kind.stream,
        ...{ filter: kind.filter, otherFilter: kind.otherFilter, emptyOf: 'entries' },
        attributes: [...attributes, 'sAMAccountType'],
        pageSize: session.pageSize,
        async *pagesOf(entries): AsyncGenerator<ScopePage> {
          for (const entry of entries) remember(session, entry, kind.member);
          if (entries.length > 0) yield { rows: entries.map((entry) => rowOf(entry, attributes, mapped)) };
        },
        async *deletedSince(usn): AsyncGenerator<ScopePage> {
          for await (const removed of session.deleted.since(usn, kind.deleted)) {
            if (removed.length > 0) yield { rows: [], removed };
          }
        },
      },
      request,
    );
  }
}

function remember({ memberKinds }: Session, entry: LdapEntry, kind: MemberKind): void {
  const id = guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0));
  if (id !== undefined) memberKinds.note(id, kind);
}

/** The id of a raw row; undefined when it cannot be read. */
function objectId(raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const values: unknown = Reflect.get(raw, 'objectguid');
  const id: unknown = Array.isArray(values) ? values[0] : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** Whether each base is there, and whether anything is seen below it. Throws a Failure. */
export async function testBases(
  session: Session,
  bases: readonly Base[],
  { what, filter }: { readonly what: string; readonly filter: string },
): Promise<string> {
  const empty: string[] = [];
  for (const base of bases) {
    await checkBase(session, { base, what });
    if (!(await findsAny(session, base, what, filter))) empty.push(base.dn);
  }
  const deletions = (await session.deleted.visible())
    ? 'deletions are seen by incremental runs'
    : 'deleted objects are hidden from the account, so deletions wait for the full pass';
  const found = empty.length === 0 ? `${what} are readable` : `no ${what} are seen below ${empty.join('; ')}`;
  return `${found}; ${deletions}`;
}

async function findsAny({ client }: Session, base: Base, what: string, filter: string): Promise<boolean> {
  const search = {
    subject: `${what} below ${base.dn}`,
    base: base.dn,
    scope: 'sub',
    filter,
    attributes: ['objectGUID'],
    pageSize: 1,
    controls: ['domainScope'],
  } as const;
  for await (const { entries } of client.pages(search)) if (entries.length > 0) return true;
  return false;
}
