// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { ExtendedRequest } from 'ldapts';
import { connectionFailure } from '../connection-failure.ts';
import { Failure } from '../failure.ts';
import { LdapConnection, stopped, type ConnectionOptions } from './connection.ts';
import { failureOfResult } from './result.ts';

export interface Target {
  readonly url: URL;
  readonly startTls: boolean;
  readonly secureContext: SecureContext;
  readonly lookup: LookupFunction;
  /** For TCP and for TLS, each. */
  readonly connectMs: number;
}

const startTlsOid = '1.3.6.1.4.1.1466.20037';
const ports: Readonly<Record<string, number>> = { 'ldap:': 389, 'ldaps:': 636 };

/**
 * A connection that nobody is bound on yet, over TLS where the URL or `startTls` says so: nothing but the request for TLS goes out
 * before. Throws a Failure.
 */
export async function openConnection(target: Target, options: ConnectionOptions): Promise<LdapConnection> {
  const plain = await establish(target, options, () => {
    const { url, lookup } = target;
    const port = url.port === '' ? (ports[url.protocol] ?? 389) : Number(url.port);
    return connect({ host: hostOf(url), port, lookup, keepAlive: true, noDelay: true });
  });
  const secured = (socket: Socket) => establish(target, options, () => overTls(socket, target));
  if (target.url.protocol === 'ldaps:') {
    const socket = await secured(plain).catch((error: unknown) => {
      plain.destroy();
      throw error;
    });
    return new LdapConnection(socket, options);
  }
  const connection = new LdapConnection(plain, options);
  if (!target.startTls) return connection;
  try {
    const what = `StartTLS with ${options.host}`;
    const { result } = await connection
      .exchange(what, 'extended', (messageId) => new ExtendedRequest({ messageId, oid: startTlsOid }))
      .catch((error: unknown) => {
        throw wrongPort(error, 'StartTLS needs the plain port (usually 389)', options);
      });
    // Servers without a certificate say that they do not know the request.
    if (result.code === 2 || result.code === 12 || result.code === 53) {
      const message = `${what}: the directory offers no StartTLS (${result.code}); give it a certificate, or use ldaps:// URLs`;
      throw new Failure('configuration', message);
    }
    if (result.code !== 0) {
      const failure = failureOfResult(result, { what, redact: options.redact });
      if (result.code !== 52) throw failure;
      const hint = `${failure.message}; a Windows controller without a certificate says so too: where it is always so give it one, since ldaps:// needs it as well`;
      throw new Failure(failure.code, hint, { cause: failure });
    }
    await connection.upgrade(secured);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** A server that is spoken to in the wrong way closes the connection without a word. */
function wrongPort(error: unknown, hint: string, { urlField }: ConnectionOptions): unknown {
  // A certificate that is not trusted has been understood.
  if (!(error instanceof Failure) || error.code !== 'unavailable' || error.audience !== undefined)
    return error;
  const message = `${error.message}; where it is always so, the port may be the wrong one: ${hint}; check ${urlField}`;
  return new Failure('unavailable', message, { cause: error });
}

/** The name of the certificate is checked against the URL's host; an address is no server name for TLS. */
function overTls(socket: Socket, { url, secureContext }: Target): Socket {
  const host = hostOf(url);
  return connectTls({ socket, secureContext, host, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

async function establish(
  { url, connectMs }: Target,
  options: ConnectionOptions,
  begin: () => Socket,
): Promise<Socket> {
  const what = `connecting to ${options.host}`;
  const tooLong = AbortSignal.timeout(connectMs);
  // For as long as the socket lives: what it says after its end is of no use, and must not end the process.
  const socket = begin().on('error', () => undefined);
  const ready = 'encrypted' in socket ? 'secureConnect' : 'connect';
  try {
    await once(socket, ready, { signal: AbortSignal.any([options.signal, tooLong]) });
    return socket;
  } catch (error) {
    socket.destroy();
    if (options.signal.aborted) throw stopped(options.signal);
    if (tooLong.aborted) {
      const message = `${what}: no connection within ${connectMs / 1000} s; check ${options.urlField}, and that a firewall lets it through`;
      throw new Failure('unavailable', message, { cause: error });
    }
    const failure = connectionFailure(error, url, { what, urlField: options.urlField });
    if (ready === 'connect' || url.protocol !== 'ldaps:') throw failure;
    throw wrongPort(failure, 'ldaps:// needs the port for TLS (usually 636)', options);
  }
}

function hostOf(url: URL): string {
  return url.hostname.replaceAll(/^\[|\]$/gu, '');
}
