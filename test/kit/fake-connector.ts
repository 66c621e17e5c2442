// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import {
  defineStream,
  type Connection,
  type Connector,
  type ReadEvent,
} from '../../src/connector/contract.ts';

type Event = ReadEvent<{ until: number }, { at: number }>;

/** What the upstream of the fake connector does in one run: the events of its single stream, or an error. */
export interface Script {
  events: readonly (Event | Error | (() => void))[];
  connect?: Error;
  fingerprint?: string;
  source?: string;
  /** Filled by the connector: what each run was asked to read. */
  readonly asked: { cursor: unknown; checkpoint: unknown; ended: boolean }[];
}

const Row = Type.Object({ id: Type.String(), name: Type.String(), size: Type.Optional(Type.Integer()) });

export function row(id: string, name = `item ${id}`): { id: string; name: string } {
  return { id, name };
}

export function page(rows: readonly unknown[], scope = 'all', at = 0): Event {
  return { type: 'page', scope, rows, checkpoint: { at } };
}

export function end(scope = 'all', coverage: 'Full' | 'Window' = 'Full', until = 1): Event {
  return { type: 'end', scope, coverage, evidence: { pages: 1 }, cursor: { until } };
}

const items = defineStream<
  Script,
  'Asset',
  typeof Row,
  ReturnType<typeof cursor>,
  ReturnType<typeof checkpoint>
>({
  name: 'items',
  record: 'Asset',
  needs: ['nothing'],
  row: Row,
  cursor: cursor(),
  checkpoint: checkpoint(),
  enabled: () => true,
  async *read(script, request) {
    script.asked.push({
      cursor: request.cursor('all'),
      checkpoint: request.checkpoint('all'),
      ended: request.ended('all'),
    });
    for (const event of script.events) {
      if (event instanceof Error) throw event;
      if (typeof event === 'function') event();
      else yield event;
    }
  },
  idOf: (raw) => {
    const id = (raw as { id?: unknown } | null)?.id;
    return typeof id === 'string' ? id : undefined;
  },
  toRecord: (raw) => ({ externalId: raw.id, columns: { name: raw.name }, attributes: {} }),
  test: async () => 'readable',
});

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
    auth: ['None', 'Basic'],
    streams: [{ name: 'items', record: 'Asset', needs: [] }],
    problem: () => undefined,
    origin: () => new URL('https://fake.example.com'),
    async connect(): Promise<Connection> {
      if (script.connect !== undefined) throw script.connect;
      const bound = items.bind(script);
      return {
        source: script.source ?? 'fake https://fake.example.com',
        fingerprint: script.fingerprint ?? 'one',
        streams: bound === undefined ? [] : [bound],
        close: async () => undefined,
      };
    },
  };
}
