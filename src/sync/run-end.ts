// SPDX-License-Identifier: Apache-2.0
import { seconds } from '../api/time.ts';
import {
  changesInventory,
  type FinalPhase,
  type MissedSlots,
  type SyncRunSpec,
  type SyncRunStatus,
} from '../api/sync-run.ts';
import { toRunFailure } from '../connector/failure.ts';
import type { ChainLink, NotedAction, RunEnd, StreamFailure, StreamVerdict } from '../store/port.ts';
import { countsOf, phaseOf, unreadVerdict, type EndedStream } from './outcome.ts';
import { sealRun } from './run-record.ts';
import { emptyTally, type StreamReport } from './stream-verdict.ts';

/** What is known of a run whoever ends it. */
export interface RunFacts {
  /** `namespace/name` of the system. */
  readonly system: string;
  readonly systemUid: string;
  readonly systemGeneration: number;
  readonly run: { readonly name: string; readonly uid: string; readonly spec: SyncRunSpec };
  readonly worker: string;
  readonly attempt: number;
  readonly correlationId: string;
  readonly startedAt: Date | undefined;
  readonly missedSlots: MissedSlots | undefined;
}

/** How it ended. */
export interface Ending {
  /** When absent it follows from the streams and the failure. */
  readonly phase?: FinalPhase;
  /** Its message is free of secrets. */
  readonly failure: StreamFailure | undefined;
  /** The failure kept the run from going on to what was left. */
  readonly stopped: boolean;
  readonly reports: readonly StreamReport[];
  readonly endedAt: Date;
  /** See RunEnd. */
  readonly verdict: boolean;
  /** Of mode Test. */
  readonly checks?: SyncRunStatus['checks'];
  /** When the login ends, where its credentials say so. */
  readonly credentialsEnd?: Date | undefined;
  readonly cost?: Pick<SyncRunStatus, 'upstream' | 'cpuSeconds'>;
}

/** The end of a run with its record, from what the database has counted. Pure. */
export function buildRunEnd(facts: RunFacts, ending: Ending, link: ChainLink): RunEnd {
  const { failure, endedAt } = ending;
  const streams = endedStreams(ending, link);
  const phase = ending.phase ?? phaseOf(streams, failure, ending.stopped);
  const { json, digest, status } = sealRun(
    {
      system: facts.system,
      run: { name: facts.run.name, uid: facts.run.uid },
      spec: facts.run.spec,
      status: {
        phase,
        mode: facts.run.spec.mode,
        ...(facts.startedAt === undefined ? {} : { startTime: seconds(facts.startedAt) }),
        completionTime: seconds(endedAt),
        ...(facts.systemUid === ''
          ? {}
          : { systemUid: facts.systemUid, systemGeneration: facts.systemGeneration }),
        worker: facts.worker,
        attempt: facts.attempt,
        correlationId: facts.correlationId,
        ...(facts.missedSlots === undefined ? {} : { missedSlots: facts.missedSlots }),
        // A run that was never carried out has nothing to count.
        ...(facts.attempt === 0 && streams.length === 0 ? {} : countsOf(streams)),
        ...(ending.checks === undefined ? {} : { checks: ending.checks }),
        ...proposalsOf(link),
        ...(ending.credentialsEnd === undefined
          ? {}
          : { credentialsExpiryTime: seconds(ending.credentialsEnd) }),
        ...ending.cost,
        ...(link.actions === undefined ? {} : { actions: link.actions.map(named) }),
        ...(failure === undefined ? {} : { failure: toRunFailure(failure) }),
      },
    },
    link,
  );
  return {
    json,
    digest,
    phase: status.phase,
    failureCode: status.failure?.code,
    endedAt,
    fullAt: changesInventory(facts.run.spec.mode) ? fullAtOf(streams) : undefined,
    verdict: ending.verdict,
  };
}

function named({ kind, at, digest }: NotedAction) {
  return { kind, time: seconds(at), digest };
}

function proposalsOf({ proposals }: ChainLink): Pick<SyncRunStatus, 'deletionProposal' | 'deletionApproval'> {
  const { proposed, approved } = proposals ?? {};
  return {
    ...(proposed === undefined ? {} : { deletionProposal: proposed }),
    ...(approved === undefined ? {} : { deletionApproval: approved }),
  };
}

/** In the order in which they were read; those of an earlier attempt that this one did not come to stand behind. */
function endedStreams({ reports, failure }: Ending, { streams }: ChainLink): EndedStream[] {
  const known = new Map(streams.map((stream) => [stream.tally.stream, stream]));
  const ended = reports.map(({ stream, record, verdict }) => {
    const tally = known.get(stream)?.tally ?? emptyTally({ name: stream, record });
    known.delete(stream);
    return { tally, verdict };
  });
  const notReached = (): StreamVerdict => unreadVerdict(`not reached: ${failure?.code ?? 'cancelled'}`);
  const others = [...known.values()].map(({ tally, verdict }) => ({
    tally,
    verdict: verdict ?? notReached(),
  }));
  return [...ended, ...others];
}

/** Since when every stream has had a complete full pass; undefined while one has not. One that is not asked for any more needs none. */
function fullAtOf(streams: readonly EndedStream[]): Date | undefined {
  const read = streams.filter(({ verdict }) => verdict.mode !== undefined || !verdict.complete);
  const times = read.map(({ verdict }) => verdict.fullAt);
  if (times.length === 0 || !times.every((time) => time !== undefined)) return undefined;
  return new Date(Math.min(...times.map((time) => Date.parse(time))));
}
