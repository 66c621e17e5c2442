// SPDX-License-Identifier: Apache-2.0
import type { Static, TSchema } from 'typebox';
import type { AuthType } from '../api/external-system.ts';
import type { Mapping } from '../api/mapping.ts';
import type { PlacedRoleMapping, RoleMapping, RoleSource } from '../api/role-mappings.ts';
import type { Problem } from '../api/schema-problems.ts';
import type { NormalisedRecord, RecordKind } from '../inventory/kinds.ts';
import type { Evidence } from './evidence.ts';
import type { CheckFinding } from './finding.ts';
import type { Failure } from './failure.ts';
import type { HttpClient, HttpClientOptions } from './http.ts';
import type { LdapClient, LdapOptions } from './ldap/client.ts';
import type { MappableRow, MappedPath, StreamMapping } from './mapping.ts';
import type { BoundProbe, StreamProbe } from './probe.ts';
import type { Masked } from './mask.ts';

/** JSON as it is stored: cursors, checkpoints, evidence. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export type { Evidence } from './evidence.ts';
export type { CheckFinding } from './finding.ts';

/** What a stream's reader yields. Every scope ends in exactly one `end` or `unverified`. */
export type ReadEvent<Cursor = Json, Checkpoint = Json> =
  | {
      readonly type: 'page';
      readonly scope: string;
      /** Raw rows of one upstream answer; each is validated on its own, a bad one is set aside. */
      readonly rows: readonly unknown[];
      /** External ids that the vendor itself states as gone. */
      readonly removed?: readonly string[];
      /**
       * Ids of members that the vendor itself states as gone: whatever edge leads to one is gone with it, so no edge need be named. The member
       * of a Membership is its `memberId`; other kinds have none.
       */
      readonly removedMembers?: readonly string[];
      /**
       * Ids of parents whose edges have all been given by the pages of this pass, this one included: what stands of a parent and was
       * not given is gone. The parent of a Membership is its `groupId`, of a Relationship its `parentId`, of a RoleAssignment its `sourceId`; other kinds have none. A
       * page without rows states that a parent has no edges, as one that was deleted.
       */
      readonly complete?: readonly string[];
      /** Where to go on after a crash, once this page is stored. */
      readonly checkpoint: Checkpoint;
    }
  | {
      readonly type: 'end';
      readonly scope: string;
      /** Full: everything in the scope was read, so absence proves. Window: only what changed in a window. */
      readonly coverage: 'Full' | 'Window';
      readonly evidence: Evidence;
      /** Where the next incremental run starts. */
      readonly cursor?: Cursor;
    }
  | {
      readonly type: 'unverified';
      readonly scope: string;
      readonly failure: Failure;
      /** What was read and counted all the same. */
      readonly evidence?: Evidence;
    };

export interface ReadRequest<Cursor = Json, Checkpoint = Json> {
  /** Cursor of a scope; undefined when the scope must be read in full. */
  cursor(scope: string): Cursor | undefined;
  /** Where an interrupted reading of the scope goes on. */
  checkpoint(scope: string): Checkpoint | undefined;
  /** True when this pass already read the scope to its verified end and nothing can be caught up: skip it. */
  ended(scope: string): boolean;
}

/** The outcome of one raw row. An unreadable id makes the scope unverified, since nobody can say what was seen. */
export type RowOutcome =
  | { readonly type: 'record'; readonly record: NormalisedRecord }
  | {
      readonly type: 'invalid';
      readonly externalId: string | undefined;
      readonly reason: string;
      readonly path: string;
    };

export interface StreamDefinition<
  Session,
  Kind extends RecordKind,
  Row extends TSchema,
  Cursor extends TSchema,
  Checkpoint extends TSchema,
> {
  readonly name: string;
  readonly record: Kind;
  /** Rights the account needs, in the vendor's words. */
  readonly needs: readonly string[];
  readonly row: Row;
  readonly cursor: Cursor;
  readonly checkpoint: Checkpoint;
  /** False where no scope ever ends with a cursor, although the form of cursors is that of other streams too. */
  readonly incremental?: false;
  /** Whether the configuration asks for this stream. */
  enabled(session: Session): boolean;
  read(
    session: Session,
    request: ReadRequest<Static<Cursor>, Static<Checkpoint>>,
  ): AsyncGenerator<ReadEvent<Static<Cursor>, Static<Checkpoint>>, void, void>;
  /** The immutable id of a raw row that may not fit the schema; undefined when it cannot be read. */
  idOf(raw: unknown): string | undefined;
  /**
   * Pure. A thrown error sets the row aside with its message, in which values that may not be kept are masked; of an error that the
   * language throws only the name stays. Messages should name fields, not values.
   */
  toRecord(row: Static<Row>, session: Session): NormalisedRecord<Kind>;
  /**
   * Loads what `toRecord` asks of the session beside the row, as `read` does before its first page: kept rows are read again before
   * that. Throws a Failure. Left out where the row is enough.
   */
  prepare?(session: Session): Promise<void>;
  /**
   * Whether a field of a row, by its name at any depth, holds a secret: its value is never kept of a row that is set aside. Fields
   * that the row schema does not know are not kept in any case.
   */
  readonly secretField?: (name: string) => boolean;
  /** How a mapping looks into rows; a stream without it cannot be mapped. */
  readonly mappable?: MappableRow<Static<Row>>;
  /** Looks records up by id before they are taken for gone; left out where the vendor does not allow it. */
  readonly probe?: StreamProbe<Session>;
  /**
   * True where the id of a record names its scope, so that it can never move into another one: each scope that was read in full proves by
   * itself what is gone from it, whatever became of the others.
   */
  readonly disjointScopes?: true;
  /**
   * How long answers may be behind, in milliseconds, where they come from replicas: a record that was first seen or changed less than that before
   * a pass began is not gone for not being shown. Only where cursors would not bring it back: default 0.
   */
  readonly replicationLagMs?: number;
  /** Checks that the account may read what the stream needs, and says what it found; throws a Failure when it may not. */
  test(session: Session): Promise<string | CheckFinding>;
}

/** What a stream says of itself before anything is configured. */
export interface StreamFacts {
  readonly name: string;
  readonly record: RecordKind;
  /** Rights the account needs, in the vendor's words. */
  readonly needs: readonly string[];
  /** Its scopes have cursors: what has not changed need not be read again. A stream without has a cursor of `Type.Null()`. */
  readonly incremental: boolean;
  /** Owners may map its fields. */
  readonly mapped: boolean;
  /** Records are looked up by id before they are taken for gone. */
  readonly probed: boolean;
}

/** A stream whose types of row, cursor and checkpoint stay inside. */
export interface Stream<Session> extends StreamFacts {
  readonly mappable: Pick<MappableRow<unknown>, 'pathProblem' | 'toTime'> | undefined;
  /** Undefined when the configuration does not ask for the stream. */
  bind(session: Session, mapping?: StreamMapping): BoundStream | undefined;
}

export interface BoundStream {
  readonly name: string;
  readonly record: RecordKind;
  /** Changes when the schema of its records does: what was read by another one is read again in full. */
  readonly schema: string;
  read(request: ReadRequest): AsyncGenerator<ReadEvent, void, void>;
  /** Before rows are normalised that `read` has not given. Throws a Failure. */
  prepare(): Promise<void>;
  normalise(raw: unknown): RowOutcome;
  readonly probe?: BoundProbe;
  /** See StreamDefinition. */
  readonly disjointScopes: boolean;
  readonly replicationLagMs: number;
  /** What may be kept of a row that is set aside, by its schema. */
  keepable(raw: unknown): Masked;
  test(): Promise<string | CheckFinding>;
}

/** Credentials as read from the Secret: in memory only, and only while the run lasts. */
export interface Credentials {
  readonly type: AuthType;
  /** Where they come from, for messages: `Secret inventory/login`. */
  readonly source: string;
  /** Whose limits at the vendor its requests use up: the user, else the client, else whoever the Secret stands for. */
  readonly account: string;
  /** Decoded values by key; a missing key is a credentials failure that names the Secret and the key. */
  value(key: string): string;
  optional(key: string): string | undefined;
}

/** What a connector gets to build its session from. */
export interface ConnectContext<Config> {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly pageSize: number | undefined;
  /** What the mapping of a stream looks for in its rows: the connector must ask for it. */
  mappedPaths(stream: string): readonly MappedPath[];
  /** Which groups and directory roles stand for which roles; only such as the connector declares in `roleSources`. */
  readonly roleMappings: readonly PlacedRoleMapping[];
  http(options: HttpClientOptions): HttpClient;
  /** Connects to a directory and binds. It is closed with the run; a connector may close it before. */
  ldap(options: LdapOptions): Promise<LdapClient>;
  /** Makes a secret that the vendor gave out known, so that it is taken out of every text from now on. Before it is used. */
  learnSecret(value: string): void;
  /** Takes the secrets that are known out of a text: before any part of it is quoted. */
  redact(text: string): string;
  now(): Date;
  readonly signal: AbortSignal;
}

/** What a connector is connected with: the block of the spec, not yet checked, and the mapping. */
export interface ConnectRequest extends Omit<ConnectContext<unknown>, 'mappedPaths' | 'roleMappings'> {
  readonly mapping?: Mapping | undefined;
  readonly roleMappings?: readonly RoleMapping[] | undefined;
}

/** What belongs to no stream and may go wrong in silence; asked in mode Test only. */
export interface ConnectionCheck<Arguments extends unknown[] = []> {
  /** At most 32 characters. */
  readonly name: string;
  /** Throws a Failure for what must be mended before anything is read. */
  run(...given: Arguments): Promise<CheckFinding>;
}

export interface Connection {
  /** Identity of the source: connector, origin, tenant. Rows and cursors of another source are not touched. */
  readonly source: string;
  /** Identity of the reading: source, configuration and account. Where it differs a pass starts anew. */
  readonly fingerprint: string;
  /** How the account logged in, in words, for `extsys test`. */
  readonly login?: string;
  /** Streams that spec.mapping names and the configuration switches off. */
  readonly unusedMappings?: readonly string[];
  readonly checks?: readonly ConnectionCheck[];
  readonly streams: readonly BoundStream[];
  close(): Promise<void>;
}

/** Keys of the Secret by type of login. */
export type MoreKeys = Partial<
  Readonly<
    Record<AuthType, Readonly<Record<string, { readonly required: boolean; readonly description: string }>>>
  >
>;

export interface ConnectorDefinition<Config extends TSchema, Session> {
  /** Member of spec.connector. */
  readonly id: string;
  readonly category: 'cmdb' | 'identity' | 'itsm' | 'device' | 'observability' | 'vulnerability';
  readonly title: string;
  /** Raised when the meaning of rows changes: makes the next run Full. */
  readonly version: number;
  readonly config: Config;
  readonly auth: readonly AuthType[];
  /** Keys of the Secret that it reads besides those that a type of login cannot do without. */
  readonly moreKeys?: MoreKeys;
  /** Its folder below connectors/, where its runbook is; its sample in config/samples/ has the same name. */
  readonly folder: string;
  readonly streams: readonly Stream<Session>[];
  /** What `spec.roleMappings` may name; left out where nothing gives RoleAssignment records. */
  readonly roleSources?: readonly RoleSource[];
  /** Beside the streams' own tests and the clock, which is compared for every connector. */
  readonly checks?: readonly ConnectionCheck<[session: Session]>[];
  /** The URL that is contacted, checked before anything is sent. */
  origin(config: Static<Config>): URL;
  /** What is wrong with a configuration that fits its schema, with paths from its block on: `.streams`. Pure. */
  problems?(config: Static<Config>, roleMappings: readonly RoleMapping[]): readonly Problem[];
  /** Opens the session; the place for look-ups that all streams share. Throws a Failure. */
  open(context: ConnectContext<Static<Config>>): Promise<{
    readonly session: Session;
    readonly source: string;
    readonly account: string;
    /** How the account logged in, in words. */
    readonly login?: string;
    /** Lets go of what the session holds open, when the run no longer needs it. */
    close?(): Promise<void>;
  }>;
}

/** A connector whose types of configuration and session stay inside. */
export interface Connector {
  readonly id: string;
  readonly category: string;
  readonly title: string;
  readonly version: number;
  readonly config: TSchema;
  readonly auth: readonly AuthType[];
  readonly roleSources: readonly RoleSource[];
  readonly moreKeys: MoreKeys;
  readonly folder: string;
  readonly streams: readonly StreamFacts[];
  /** First problem of a configuration block, or undefined when it is valid. */
  problem(config: unknown): { readonly path: string; readonly reason: string } | undefined;
  origin(config: unknown): URL;
  /** What is wrong with a configuration that fits its schema, together with the roles that are mapped. */
  blockProblems(config: unknown, roleMappings: readonly RoleMapping[] | undefined): readonly Problem[];
  /** What is wrong with a mapping, by the streams of this connector. */
  mappingProblems(mapping: Mapping | undefined): readonly Problem[];
  connect(request: ConnectRequest): Promise<Connection>;
}
