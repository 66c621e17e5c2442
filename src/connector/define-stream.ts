// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { IsNull, type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { kinds, type NormalisedRecord, type RecordKind } from '../inventory/kinds.ts';
import type { RowOutcome, Stream, StreamDefinition } from './contract.ts';
import { applyMapping, MappingMisfit, type StreamMapping } from './mapping.ts';
import { mask } from './mask.ts';
import type { BoundProbe, StreamProbe } from './probe.ts';
import { firstProblem } from './problem.ts';
import { reasonOf } from './reason.ts';

/** Declares a stream. See docs/connectors.md for a worked example. */
export function defineStream<
  Session,
  Kind extends RecordKind,
  Row extends TSchema,
  Cursor extends TSchema,
  Checkpoint extends TSchema,
>(definition: StreamDefinition<Session, Kind, Row, Cursor, Checkpoint>): Stream<Session> {
  const rowCheck = Compile(definition.row);
  const cursorCheck = Compile(definition.cursor);
  const checkpointCheck = Compile(definition.checkpoint);
  const columnCheck = Compile(kinds[definition.record]);

  const schema = hash('sha256', JSON.stringify(kinds[definition.record]), 'hex').slice(0, 16);

  function recordOf(
    row: Static<Row>,
    session: Session,
    mapping: StreamMapping | undefined,
  ): NormalisedRecord<Kind> {
    const record = definition.toRecord(row, session);
    const { mappable } = definition;
    return mapping === undefined || mappable === undefined
      ? record
      : applyMapping(mapping, mappable, row, record);
  }

  function normalise(session: Session, raw: unknown, mapping: StreamMapping | undefined): RowOutcome {
    const externalId = readableId(definition.idOf(raw));
    if (!rowCheck.Check(raw)) {
      return { type: 'invalid', externalId, ...firstProblem(rowCheck.Errors(raw), 'row') };
    }
    let record: NormalisedRecord<Kind>;
    try {
      record = recordOf(raw, session, mapping);
    } catch (error) {
      if (error instanceof MappingMisfit)
        return { type: 'invalid', externalId, reason: error.message, path: error.field };
      return { type: 'invalid', externalId, reason: reasonOf(error, raw, definition), path: '' };
    }
    if (readableId(record.externalId) === undefined) {
      return { type: 'invalid', externalId: undefined, reason: 'the id is empty or no text', path: '' };
    }
    if (!columnCheck.Check(record.columns)) {
      return {
        type: 'invalid',
        externalId,
        ...firstProblem(columnCheck.Errors(record.columns), definition.record),
      };
    }
    return { type: 'record', record };
  }

  return {
    name: definition.name,
    record: definition.record,
    needs: definition.needs,
    incremental: definition.incremental ?? !IsNull(definition.cursor),
    mapped: definition.mappable !== undefined,
    probed: definition.probe !== undefined,
    mappable: definition.mappable,
    bind(session, mapping) {
      if (!definition.enabled(session)) return undefined;
      return {
        name: definition.name,
        record: definition.record,
        schema,
        read: (request) =>
          definition.read(session, {
            // A stored value of another shape comes from another version: the scope starts anew.
            cursor: (scope) => {
              const stored = request.cursor(scope);
              return cursorCheck.Check(stored) ? stored : undefined;
            },
            checkpoint: (scope) => {
              const stored = request.checkpoint(scope);
              return checkpointCheck.Check(stored) ? stored : undefined;
            },
            ended: (scope) => request.ended(scope),
          }),
        prepare: async () => definition.prepare?.(session),
        normalise: (raw) => normalise(session, raw, mapping),
        ...(definition.probe === undefined ? {} : { probe: boundProbe(definition.probe, session) }),
        disjointScopes: definition.disjointScopes ?? false,
        replicationLagMs: definition.replicationLagMs ?? 0,
        keepable: (raw) => mask(raw, definition.row, definition.secretField),
        test: () => definition.test(session),
      };
    },
  };
}

function boundProbe<Session>(probe: StreamProbe<Session>, session: Session): BoundProbe {
  return { idsPerCall: probe.idsPerCall, ask: (ids) => probe.ask(session, ids) };
}

/** Ids are keys: one that is empty, or that no database can hold as text, is none. */
function readableId(id: string | undefined): string | undefined {
  return id === undefined || id === '' || id.includes('\0') || !id.isWellFormed() ? undefined : id;
}
