// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import type { Connection, Connector, ReadEvent, ReadRequest } from '../../src/connector/contract.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
import { MappingMisfit } from '../../src/connector/mapping.ts';
import type { Presence } from '../../src/connector/probe.ts';

export type Event = ReadEvent<{ until: number }, { at: number }>;
export type Request = ReadRequest<{ until: number }, { at: number }>;

/** What a stream does in one run: yields, throws, calls; or a reader that looks at what it is asked. */
export type Events =
  readonly (Event | Error | (() => void))[] | ((request: Request) => AsyncGenerator<Event, void, void>);

/** What the upstream of the fake connector does in one run. */
export interface Script {
  events: Events;
  /** Of a second stream, which is there when this is. */
  more?: Events | undefined;
  /** Of a stream of memberships, likewise. */
  edges?: Events | undefined;
  /** What the vendor says of single records; nothing when absent. */
  probe?: ((ids: readonly string[]) => Promise<ReadonlyMap<string, Presence>>) | undefined;
  connect?: Error;
  /** What the stream answers, or how it fails, in mode Test. */
  test?: () => Promise<string>;
  fingerprint?: string;
  source?: string;
  /** Filled by the connector: what each run was asked to read. */
  readonly asked: { cursor: unknown; checkpoint: unknown; ended: boolean }[];
}

const Row = Type.Object({ id: Type.String(), name: Type.String(), size: Type.Optional(Type.Integer()) });

/** The name of a row that misfits a mapping. */
export const misfit = 'misfit';

export function row(id: string, name = `item ${id}`): { id: string; name: string } {
  return { id, name };
}

export function page(rows: readonly unknown[], scope = 'all', at = 0): Event {
  return { type: 'page', scope, rows, checkpoint: { at } };
}

export function end(scope = 'all', coverage: 'Full' | 'Window' = 'Full', until = 1): Event {
  return { type: 'end', scope, coverage, evidence: { pages: 1 }, cursor: { until } };
}

const Edge = Type.Object({ group: Type.String(), member: Type.String(), name: Type.String() });

/** That a member belongs to a group. */
export function edge(group: string, member: string, name = 'member'): Static<typeof Edge> {
  return { group, member, name };
}

const edgeStream = defineStream<
  Script,
  'Membership',
  typeof Edge,
  ReturnType<typeof cursor>,
  ReturnType<typeof checkpoint>
>({
  name: 'edges',
  record: 'Membership',
  needs: ['nothing'],
  row: Edge,
  cursor: cursor(),
  checkpoint: checkpoint(),
  enabled: (script) => script.edges !== undefined,
  read: (script, request) => eventsOf(script.edges, request),
  idOf: (raw) => {
    const { group, member } = (raw ?? {}) as { group?: unknown; member?: unknown };
    return typeof group === 'string' && typeof member === 'string' ? `${group}/${member}` : undefined;
  },
  toRecord: ({ group, member, name }) => ({
    externalId: `${group}/${member}`,
    columns: { name, groupId: group, memberId: member },
    attributes: {},
  }),
  test: () => Promise.resolve('readable'),
});

async function* eventsOf(events: Events = [], request: Request): AsyncGenerator<Event, void, void> {
  if (typeof events === 'function') {
    yield* events(request);
    return;
  }
  for (const event of events) {
    if (event instanceof Error) throw event;
    if (typeof event === 'function') event();
    else yield event;
  }
}

/** By so much the answers of the second stream may be behind. */
export const moreLagMs = 600_000;

function stream(name: 'items' | 'more') {
  return defineStream<Script, 'Asset', typeof Row, ReturnType<typeof cursor>, ReturnType<typeof checkpoint>>({
    name,
    record: 'Asset',
    needs: ['nothing'],
    row: Row,
    cursor: cursor(),
    checkpoint: checkpoint(),
    enabled: (script) => name === 'items' || script.more !== undefined,
    async *read(script, request) {
      if (name === 'items') {
        script.asked.push({
          cursor: request.cursor('all'),
          checkpoint: request.checkpoint('all'),
          ended: request.ended('all'),
        });
      }
      yield* eventsOf(name === 'items' ? script.events : script.more, request);
    },
    idOf: (raw) => {
      const { id, breaks } = (raw ?? {}) as { id?: unknown; breaks?: unknown };
      // A bug of a connector.
      if (breaks === true) throw new RangeError('out of range');
      return typeof id === 'string' ? id : undefined;
    },
    toRecord: (raw) => {
      if (raw.name === misfit) throw new MappingMisfit('spec.mapping.items.name', 'does not fit');
      return { externalId: raw.id, columns: { name: raw.name }, attributes: {} };
    },
    ...(name === 'more' ? { replicationLagMs: moreLagMs } : {}),
    probe: { idsPerCall: 2, ask: async (script, ids) => (await script.probe?.(ids)) ?? new Map() },
    test: (script) => script.test?.() ?? Promise.resolve('readable'),
  });
}

const streams = [stream('items'), stream('more'), edgeStream];

function cursor() {
  return Type.Object({ until: Type.Integer() });
}

function checkpoint() {
  return Type.Object({ at: Type.Integer() });
}

/** A connector without any network, for tests of what stands around connectors. */
export function fakeConnector(script: Script): Connector {
  return {
    id: 'fake',
    category: 'cmdb',
    title: 'Fake',
    version: 1,
    config: Type.Object({}),
    auth: ['None', 'Basic', 'Certificate'],
    roleSources: [],
    moreKeys: {},
    folder: 'fake',
    streams,
    problem: () => undefined,
    blockProblems: () => [],
    mappingProblems: () => [],
    origin: () => new URL('https://fake.example.com'),
    async connect(): Promise<Connection> {
      if (script.connect !== undefined) throw script.connect;
      return {
        source: script.source ?? 'fake https://fake.example.com',
        fingerprint: script.fingerprint ?? 'one',
        streams: streams.map((one) => one.bind(script)).filter((bound) => bound !== undefined),
        close: async () => undefined,
      };
    },
  };
}
