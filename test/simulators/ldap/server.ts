// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { headerOf, MalformedBer } from '../../../src/connector/ldap/ber.ts';
import type { Asked, Behaviour, Script } from './behaviour.ts';
import { Directory, type DirectoryEntry, type Found } from './directory.ts';
import { domainRoot } from './domain.ts';
import {
  entryMessage,
  readRequest,
  referenceMessage,
  resultMessage,
  type Request,
  type SearchRequest,
} from './wire.ts';

export interface FakeDirectoryOptions {
  readonly entries?: readonly DirectoryEntry[];
  /** Attributes of the rootDSE; default those of a domain controller. `currentTime` is added. */
  readonly root?: DirectoryEntry['attributes'];
  /** PEM: `ldaps` then listens too, and StartTLS is offered. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Passwords by name; default one account `sync@corp.example.test`. */
  readonly accounts?: Readonly<Record<string, string>>;
}

/** Name and password of the account that is there by default. */
export const syncAccount = { name: 'sync@corp.example.test', password: 'pw-of-the-sync-account' } as const;

interface Connection {
  readonly number: number;
  socket: Socket;
  secure: boolean;
  boundAs: string | undefined;
  /** What is left of paged searches, by cookie. */
  readonly places: Map<string, readonly Found[]>;
}

/** Starts a directory server on loopback. See README.md in this folder. */
export async function fakeDirectory(options: FakeDirectoryOptions = {}): Promise<FakeDirectory> {
  const server = new FakeDirectory(options);
  await server.listen();
  return server;
}

export class FakeDirectory implements AsyncDisposable {
  readonly directory: Directory;
  /** Of the rootDSE; to be changed at will. */
  root: DirectoryEntry['attributes'];
  /** Every request, in the order of coming. Emptying it starts the counting of `nth` anew. */
  readonly requests: Asked[] = [];
  /** URLs that every search answers as continuation references, with its first page. */
  references: readonly string[] = [];
  /** Of the server's clock against the true time. */
  clockOffsetMs = 0;
  script: Script = () => undefined;
  private readonly accounts: Readonly<Record<string, string>>;
  private readonly secureContext: SecureContext | undefined;
  private readonly connections = new Set<Connection>();
  private count = 0;
  private readonly plain = createServer({ noDelay: true }, (socket) => this.accept(socket, false));
  private readonly secured = createServer({ noDelay: true }, (socket) => this.accept(socket, true));

  constructor(options: FakeDirectoryOptions) {
    this.directory = new Directory(options.entries ?? []);
    this.root = options.root ?? domainRoot();
    this.accounts = options.accounts ?? { [syncAccount.name]: syncAccount.password };
    this.secureContext = options.tls === undefined ? undefined : createSecureContext(options.tls);
  }

  async listen(): Promise<void> {
    for (const server of this.servers()) await once(server.listen(0, '127.0.0.1'), 'listening');
  }

  /** `ldap://127.0.0.1:port`. */
  get url(): URL {
    return new URL(`ldap://127.0.0.1:${(this.plain.address() as AddressInfo).port}`);
  }

  /** `ldaps://localhost:port`; certificates of test/kit/certificate.ts name that host. */
  get secureUrl(): URL {
    return new URL(`ldaps://localhost:${(this.secured.address() as AddressInfo).port}`);
  }

  asked(operation: Request['operation']): readonly Asked[] {
    return this.requests.filter((one) => one.operation === operation);
  }

  /** Ends every connection, as a server does that has been idle for too long or is restarted. */
  dropConnections(): void {
    for (const { socket } of this.connections) socket.destroy();
  }

  /** Paged searches that are not at their end, over all connections. */
  get openPlaces(): number {
    return [...this.connections].reduce((sum, { places }) => sum + places.size, 0);
  }

  get openConnections(): number {
    return this.connections.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    const closed = this.servers().map((server) => once(server.close(), 'close'));
    this.dropConnections();
    await Promise.all(closed);
  }

  private servers() {
    return this.secureContext === undefined ? [this.plain] : [this.plain, this.secured];
  }

  private accept(raw: Socket, secure: boolean): void {
    this.count += 1;
    const connection: Connection = {
      ...{ number: this.count, socket: raw, secure, boundAs: undefined, places: new Map() },
    };
    this.connections.add(connection);
    raw.on('close', () => this.connections.delete(connection));
    if (secure) this.secure(connection);
    else this.listenTo(connection);
  }

  private secure(connection: Connection): void {
    const { socket, secureContext } = connectionContext(connection, this.secureContext);
    socket.removeAllListeners('data').on('error', () => undefined);
    connection.socket = new TLSSocket(socket, { isServer: true, secureContext });
    connection.secure = true;
    this.listenTo(connection);
  }

  private listenTo(connection: Connection): void {
    let held = Buffer.alloc(0);
    connection.socket.on('error', () => undefined);
    connection.socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      try {
        for (let next = messageIn(held); next !== undefined; next = messageIn(held)) {
          held = held.subarray(next.length);
          void this.met(connection, readRequest(next));
        }
      } catch (error) {
        // What is no LDAP ends the connection, as on any server.
        if (!(error instanceof MalformedBer)) throw error;
        connection.socket.destroy();
      }
    });
  }

  private async met(connection: Connection, request: Request): Promise<void> {
    try {
      await this.meet(connection, request);
    } catch (error) {
      // A test must not go on waiting for an answer that never comes.
      console.error('the fake directory failed:', error);
      connection.socket.destroy();
    }
  }

  private async meet(connection: Connection, request: Request): Promise<void> {
    const { operation } = request;
    const asked: Asked = {
      ...{ operation, request, nth: this.asked(operation).length + 1 },
      ...{ connection: connection.number, secure: connection.secure, boundAs: connection.boundAs },
    };
    this.requests.push(asked);
    if (operation === 'unbind') return void connection.socket.end();
    const behaviour = this.script(asked);
    await (behaviour === undefined
      ? this.answer(connection, request)
      : this.behave(connection, request, behaviour));
  }

  private async behave(
    connection: Connection,
    request: Request,
    behaviour: NonNullable<Behaviour>,
  ): Promise<void> {
    const { socket } = connection;
    switch (behaviour.type) {
      case 'silent':
        return;
      case 'result':
        return void socket.write(resultMessage(request.id, kindOf(request), behaviour.result));
      case 'bytes':
        return void socket.write(behaviour.bytes);
      case 'page': {
        const { entries, cookie } = behaviour;
        for (const { dn, attributes } of entries)
          socket.write(entryMessage(request.id, dn, new Map(Object.entries(attributes).map(asList))));
        return void socket.write(resultMessage(request.id, 'search', { code: 0 }, { cookie }));
      }
      case 'farewell': {
        const oid = '1.3.6.1.4.1.1466.20036';
        return void socket.end(resultMessage(0, 'extended', behaviour.result, { oid }));
      }
      case 'drip': {
        for (const byte of this.replyTo(connection, request)) {
          if (socket.destroyed) return;
          socket.write(Buffer.from([byte]));
          await delay(behaviour.everyMs);
        }
        return;
      }
      case 'reset':
      case 'cut': {
        const reply = this.replyTo(connection, request);
        const part = reply.subarray(0, behaviour.afterBytes ?? Math.floor(reply.length / 2));
        await new Promise<void>((resolve) => socket.write(part, () => resolve()));
        if (behaviour.type === 'cut') socket.end();
        else if (socket instanceof TLSSocket) socket.destroy();
        else socket.resetAndDestroy();
      }
    }
  }

  private async answer(connection: Connection, request: Request): Promise<void> {
    const bytes = this.replyTo(connection, request);
    const upgrade = request.operation === 'startTls' && this.secureContext !== undefined;
    if (!upgrade) return void connection.socket.write(bytes);
    // The client begins with TLS as soon as it has the answer.
    await new Promise<void>((resolve) => {
      connection.socket.write(bytes, () => resolve());
      this.secure(connection);
    });
  }

  /** The right answer, as the directory has it. */
  private replyTo(connection: Connection, request: Request): Buffer {
    switch (request.operation) {
      case 'bind': {
        const known = this.accounts[request.name];
        // As a domain controller does: a name without a password is a guest, and that is a success.
        const guest = request.password === '';
        const good = guest || (known !== undefined && known === request.password);
        connection.boundAs = good ? (guest ? '' : request.name) : undefined;
        const text =
          '80090308: LdapErr: DSID-0C09050E, comment: AcceptSecurityContext error, data 52e, v4563';
        return resultMessage(request.id, 'bind', good ? { code: 0 } : { code: 49, text });
      }
      case 'startTls':
        return resultMessage(request.id, 'extended', { code: this.secureContext === undefined ? 2 : 0 });
      case 'search':
        return Buffer.concat(this.found(connection, request));
      default:
        return resultMessage(request.id, kindOf(request), {
          code: 2,
          text: 'not known to the fake directory',
        });
    }
  }

  private found(connection: Connection, request: SearchRequest): Buffer[] {
    const { id, pageSize, cookie } = request;
    if (request.base === '' && request.scope === 0) return this.rootReply(request);
    if (connection.boundAs === undefined || connection.boundAs === '') {
      const text =
        '000004DC: LdapErr: DSID-0C090CF8, comment: a successful bind must be completed on the connection';
      return [resultMessage(id, 'search', { code: 1, text })];
    }
    const place = cookie.toString('hex');
    const first = cookie.length === 0;
    const all = first ? this.directory.search(request) : connection.places.get(place);
    if (all === undefined) {
      const result = first ? { code: 32, matchedDn: '' } : { code: 12, text: '00002040: UNAVAIL_EXTENSION' };
      return [resultMessage(id, 'search', result)];
    }
    connection.places.delete(place);
    // RFC 2696: the search is given up, and its place forgotten.
    if (pageSize === 0 && !first)
      return [resultMessage(id, 'search', { code: 0 }, { cookie: Buffer.alloc(0) })];
    const { maxPageSize } = this.directory.limits;
    const size = Math.min(pageSize ?? Infinity, maxPageSize);
    const entries = all.slice(0, size).map(({ dn, attributes }) => entryMessage(id, dn, attributes));
    const references = first ? this.references.map((url) => referenceMessage(id, [url])) : [];
    const more = all.length > size;
    if (pageSize === undefined) {
      return [...entries, ...references, resultMessage(id, 'search', { code: more ? 4 : 0 })];
    }
    const next = more ? randomBytes(8) : Buffer.alloc(0);
    if (more) connection.places.set(next.toString('hex'), all.slice(size));
    return [...entries, ...references, resultMessage(id, 'search', { code: 0 }, { cookie: next })];
  }

  private rootReply(request: SearchRequest): Buffer[] {
    const time = new Date(Date.now() + this.clockOffsetMs).toISOString().replaceAll(/[-:T]|\.\d+/gu, '');
    const attributes = { currentTime: time.replace('Z', '.0Z'), ...this.root };
    const wanted = new Set(request.attributes.map((name) => name.toLowerCase()));
    const shown = Object.entries(attributes).filter(([name]) => wanted.has(name.toLowerCase()));
    return [
      entryMessage(request.id, '', new Map(shown.map(asList))),
      resultMessage(request.id, 'search', { code: 0 }),
    ];
  }
}

function messageIn(bytes: Buffer): Buffer | undefined {
  const header = headerOf(bytes);
  const length = header === undefined ? Infinity : header.headerBytes + header.contentBytes;
  return bytes.length < length ? undefined : bytes.subarray(0, length);
}

function connectionContext(connection: Connection, secureContext: SecureContext | undefined) {
  if (secureContext === undefined) throw new Error('the fake directory was started without a certificate');
  return { socket: connection.socket, secureContext };
}

function kindOf({ operation }: Request): 'bind' | 'search' | 'extended' {
  return operation === 'bind' || operation === 'search' ? operation : 'extended';
}

type Attributes = DirectoryEntry['attributes'];

function asList([name, value]: [string, Attributes[string]]): [string, readonly (string | Buffer)[]] {
  return [name, typeof value === 'string' || Buffer.isBuffer(value) ? [value] : value];
}
