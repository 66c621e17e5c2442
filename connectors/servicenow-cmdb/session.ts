// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectContext } from '../../src/connector/contract.ts';
import { basicAuthorization } from '../../src/connector/credentials.ts';
import { Failure } from '../../src/connector/failure.ts';
import { classifyAnswer, demandsMfa } from './answers.ts';
import { tableApi, type TableApi } from './api.ts';
import type { AssetContext } from './asset-record.ts';
import { ClassDictionary, readClassTree, scopeClasses, type ClassTree } from './class-model.ts';
import type { Config } from './config.ts';
import { toStored } from './stored-time.ts';
import { countRows } from './walk.ts';

const defaultPageSize = 1000;
/** The window ends this long before the server's now, so that transactions under way are not cut off. */
const settleMs = 60_000;
/** Instances answer 401 to good credentials now and then; one spaced retry tells them from bad ones. */
const unauthorizedWaitMs = 1000;

export interface Session {
  readonly config: Config;
  readonly api: TableApi;
  readonly pageSize: number;
  /** Upper end of this run's windows: server time at the start less a minute, as stored. */
  readonly until: string;
  readonly classes: ClassModel;
}

/** The class tree and the dictionary, read when the first stream asks; other streams do without. */
export class ClassModel implements AssetContext {
  readonly statusField: Config['statusField'];
  private readonly api: TableApi;
  private readonly config: Config;
  private tree: ClassTree | undefined;
  private dictionary: ClassDictionary | undefined;

  constructor(api: TableApi, config: Config) {
    this.api = api;
    this.config = config;
    this.statusField = config.statusField;
  }

  parentOf(className: string): string | undefined {
    return this.tree?.parentOf(className);
  }

  classLabel(className: string): string | undefined {
    return this.tree?.labelOf(className);
  }

  /** Throws a Failure when the tree cannot be read or a listed class is not in it. */
  async scopes(): Promise<readonly string[]> {
    return scopeClasses(this.config.classes, await this.loadedTree());
  }

  async loadedTree(): Promise<ClassTree> {
    this.tree ??= await readClassTree(this.api);
    return this.tree;
  }

  async loadedDictionary(): Promise<ClassDictionary> {
    this.dictionary ??= new ClassDictionary(this.api, await this.loadedTree());
    return this.dictionary;
  }
}

/** Proves address and credentials with one cheap call, whose Date is the clock of the run. */
export async function openSession(
  context: ConnectContext<Config>,
): Promise<{ readonly session: Session; readonly source: string; readonly account: string }> {
  const { config, credentials } = context;
  const account = credentials.value('username');
  const authorization = basicAuthorization(account, credentials.value('password'));
  let serverTime: Date | undefined;
  let mfaDemanded = false;
  const http = context.http({
    baseUrl: baseUrl(config),
    authorize(headers) {
      headers['authorization'] = authorization;
    },
    async onUnauthorized() {
      if (mfaDemanded) return false;
      await wait(unauthorizedWaitMs, undefined, { signal: context.signal });
      return true;
    },
    classify(answer, request) {
      serverTime ??= dateOf(answer.headers.get('date'));
      mfaDemanded ||= demandsMfa(answer);
      return classifyAnswer(answer, request);
    },
  });
  const api = tableApi(http);
  await probe(api, config.classes[0] ?? 'cmdb_ci');
  const now = serverTime ?? context.now();
  const session: Session = {
    config,
    api,
    pageSize: context.pageSize ?? defaultPageSize,
    until: toStored(new Date(now.getTime() - settleMs)),
    classes: new ClassModel(api, config),
  };
  return { session, source: baseUrl(config).href, account };
}

/** With a slash at the end, so that an instance behind a path keeps its path. */
export function baseUrl(config: Config): URL {
  return new URL(config.url.endsWith('/') ? config.url : `${config.url}/`);
}

/** A refused or missing table proves the credentials too: it is the business of its stream. */
async function probe(api: TableApi, table: string): Promise<void> {
  try {
    await countRows(api, table, '');
  } catch (error) {
    if (error instanceof Failure && (error.code === 'permission' || error.code === 'configuration')) return;
    throw error;
  }
}

function dateOf(header: string | undefined): Date | undefined {
  const time = new Date(header ?? '');
  return Number.isNaN(time.getTime()) ? undefined : time;
}
