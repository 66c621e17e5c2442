// SPDX-License-Identifier: Apache-2.0
import type { Static, TObject } from 'typebox';
import type { Stream } from '../../src/connector/contract.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
import type { NormalisedRecord, RecordKind } from '../../src/inventory/kinds.ts';
import { isAskedFor, type StreamName } from './config.ts';
import type { RestorableType } from './deleted-items.ts';
import { readDirectory, testReading } from './directory-reading.ts';
import { replicationLagMs, type DirectoryReading } from './reading.ts';
import { isSecretName, mappableRow, mappedProperties } from './mappable-row.ts';
import { idProbe } from './probe.ts';
import { idIn } from './raw-row.ts';
import { propertiesOf } from './rows.ts';
import type { Session } from './session.ts';
import { withUntoldRows } from './untold-rows.ts';
import { Checkpoint, Cursor } from './wire.ts';

export interface CollectionStream<Kind extends RecordKind, Row extends TObject> {
  readonly name: StreamName;
  readonly record: Kind;
  /** Application permissions: the first must be there. */
  readonly needs: readonly [string, ...string[]];
  readonly row: Row;
  toRecord(row: Static<Row>): NormalisedRecord<Kind>;
  /** How it is read, without what every collection has. */
  reading(session: Session): Omit<DirectoryReading, 'scope' | 'subject' | 'select'>;
  /** False where Graph tells no changes of it. */
  readonly incremental?: false;
  /** Where its deleted objects are listed for a while. */
  readonly restorable?: RestorableType;
}

/** A stream that reads one collection of Graph. */
export function collectionStream<Kind extends RecordKind, Row extends TObject>(
  definition: CollectionStream<Kind, Row>,
): Stream<Session> {
  const { name, record, needs, row, restorable } = definition;

  function readingOf(session: Session): DirectoryReading {
    const reading = definition.reading(session);
    const own = propertiesOf(row, [reading.expand ?? '', 'signInActivity']);
    return {
      scope: name,
      subject: `${name} (needs ${needs[0]})`,
      select: [...new Set([...own, ...mappedProperties(session.mappedPaths(name))])],
      ...reading,
    };
  }

  return defineStream({
    name,
    record,
    needs,
    row,
    secretField: isSecretName,
    cursor: Cursor,
    checkpoint: Checkpoint,
    ...(definition.incremental === undefined ? {} : { incremental: definition.incremental }),
    enabled: (session: Session) => isAskedFor(session.config, name),
    read(session, request) {
      const reading = readingOf(session);
      return withUntoldRows(reading, request, readDirectory(session, reading, request));
    },
    idOf: idIn,
    toRecord: (given) => definition.toRecord(given),
    mappable: mappableRow,
    probe: idProbe(readingOf, restorable),
    // What every run lists anew comes back with the next.
    ...(definition.incremental === false ? {} : { replicationLagMs }),
    test: (session) => testReading(session, readingOf(session)),
  });
}
