// SPDX-License-Identifier: Apache-2.0
import type { ConnectContext } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { MappedPath } from '../../src/connector/mapping.ts';
import { classifyAnswer, demandsMfa, isGood, TableTrouble } from './answers.ts';
import { tableApi, type TableApi } from './api.ts';
import type { AssetContext } from './asset-record.ts';
import { readClassTree, scopeClasses, type ClassTree } from './class-tree.ts';
import type { Config } from './config.ts';
import { DeletionAudit } from './deletions.ts';
import { Dictionary } from './dictionary.ts';
import { loginOf } from './login.ts';
import { countRows, lookUpSize } from './look-up.ts';
import { PageSize } from './page-size.ts';
import { isUnindexed } from './query.ts';
import { scopeFailure } from './scope-failure.ts';
import { ServerClock } from './server-clock.ts';

const defaultPageSize = 1000;
/** Each page of a query that no index serves looks through the whole table. */
const unindexedPageSize = 200;
export const relationTable = 'cmdb_rel_ci';

export interface Session {
  readonly config: Config;
  readonly api: TableApi;
  readonly pageSize: PageSize;
  /** Rows of configuration items asked for at a time. */
  readonly itemPageSize: PageSize;
  /** Rows asked for at a time in look-ups. */
  readonly lookUpSize: PageSize;
  readonly clock: ServerClock;
  readonly classes: ClassModel;
  readonly deletions: DeletionAudit;
  /** What the mapping of a stream asks for. */
  mappedPaths(stream: string): readonly MappedPath[];
}

/** The class tree and the dictionary, read when the first stream asks; other streams do without. */
export class ClassModel implements AssetContext {
  readonly statusField: Config['statusField'];
  private readonly api: TableApi;
  private readonly config: Config;
  private readonly lookUpSize: PageSize;
  private tree: ClassTree | undefined;
  private dictionary: Dictionary | undefined;

  constructor(api: TableApi, config: Config, lookUpSize: PageSize) {
    this.api = api;
    this.config = config;
    this.lookUpSize = lookUpSize;
    this.statusField = config.statusField;
  }

  parentOf(className: string): string | undefined {
    return this.tree?.parentOf(className);
  }

  classLabel(className: string): string | undefined {
    return this.tree?.labelOf(className);
  }

  /** A table and all below it, as far as the tree is known. */
  namesBelow(table: string): readonly string[] {
    return this.tree?.below(table) ?? [table];
  }

  /** Throws a Failure when the tree cannot be read or a listed class is not in it. */
  async scopes(): Promise<readonly string[]> {
    return scopeClasses(this.config.classes, await this.loadedTree());
  }

  async loadedTree(): Promise<ClassTree> {
    this.tree ??= await readClassTree(this.api, this.lookUpSize);
    return this.tree;
  }

  /** For those that can do without; undefined when the tree, or the dictionary of the table, is refused. */
  async dictionaryIfReadable(table: string): Promise<Dictionary | undefined> {
    try {
      const dictionary = await this.loadedDictionary();
      await dictionary.load([table]);
      return dictionary;
    } catch (error) {
      if (scopeFailure(error) === undefined) throw error;
      return undefined;
    }
  }

  async loadedDictionary(): Promise<Dictionary> {
    const besides = this.config.relationships === true ? [relationTable] : [];
    this.dictionary ??= new Dictionary(this.api, await this.loadedTree(), this.lookUpSize, besides);
    return this.dictionary;
  }
}

export interface OpenedSession {
  readonly session: Session;
  readonly source: string;
  readonly account: string;
  readonly login: string;
}

/** Proves address and credentials with one cheap call, whose Date is the clock of the run. */
export async function openSession(context: ConnectContext<Config>): Promise<OpenedSession> {
  const { config, credentials } = context;
  const login = loginOf(context, baseUrl(config));
  const clock = new ServerClock(() => context.now());
  let answered = false;
  let mfaDemanded = false;
  const http = context.http({
    baseUrl: baseUrl(config),
    authorize: login.authorize,
    onUnauthorized: async (sent) => !mfaDemanded && login.onUnauthorized(sent),
    classify(answer, request) {
      mfaDemanded ||= demandsMfa(answer);
      const failure = classifyAnswer(answer, request, {
        answered,
        auth: credentials.type,
        secret: credentials.source,
        redact: (text) => context.redact(text),
      });
      if (failure === undefined && isGood(answer.status)) {
        answered = true;
        clock.tell(answer.headers.get('date'));
      }
      return failure;
    },
  });
  const api = tableApi(http);
  // A token first: what its endpoint refuses is the whole run's business, not that of a stream.
  await login.authorize({});
  await probe(api, config.classes[0] ?? 'cmdb_ci');
  const size = lookUpSize(context.pageSize);
  const pageSize = new PageSize(context.pageSize ?? defaultPageSize);
  const session: Session = {
    config,
    api,
    pageSize,
    itemPageSize:
      context.pageSize === undefined && isUnindexed(config.query ?? '')
        ? new PageSize(unindexedPageSize)
        : pageSize,
    lookUpSize: size,
    clock,
    classes: new ClassModel(api, config, size),
    deletions: new DeletionAudit(api, size),
    mappedPaths: (stream) => context.mappedPaths(stream),
  };
  return { session, source: baseUrl(config).href, account: login.account, login: login.words };
}

/** With a slash at the end, so that an instance behind a path keeps its path. */
export function baseUrl(config: Config): URL {
  return new URL(config.url.endsWith('/') ? config.url : `${config.url}/`);
}

/**
 * A refused or missing table proves the credentials too: it is the business of its stream. One that fails proves nothing, so
 * another is asked before the whole instance is said to fail.
 */
async function probe(api: TableApi, table: string): Promise<void> {
  try {
    await countRows(api, table, '');
  } catch (error) {
    if (error instanceof TableTrouble && table !== 'sys_db_object') return probe(api, 'sys_db_object');
    if (error instanceof Failure && (error.code === 'permission' || error.code === 'configuration')) return;
    throw error;
  }
}
