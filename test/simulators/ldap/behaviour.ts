// SPDX-License-Identifier: Apache-2.0
import type { DirectoryEntry } from './directory.ts';
import type { Request, Result } from './wire.ts';

/** One request as a script sees it. */
export interface Asked {
  readonly operation: Request['operation'];
  /** Of this operation, over all connections: 1 is the first since the server started, or since `requests` was emptied. */
  readonly nth: number;
  /** Number of the connection, from 1. */
  readonly connection: number;
  readonly secure: boolean;
  /** Name that the connection is bound with; undefined before, empty for a guest. */
  readonly boundAs: string | undefined;
  readonly request: Request;
}

/** How the server meets a request instead of answering it from its directory. */
export type Behaviour =
  /** Any result: 51, 52, 53, 12 (`00002040: SvcErr: … UNAVAIL_EXTENSION`), 10 with referrals, 49 with a sub-code. Entries do not come. */
  | { readonly type: 'result'; readonly result: Result }
  /** Says nothing, and keeps the connection. */
  | { readonly type: 'silent' }
  /** Bytes of the right answer one by one. */
  | { readonly type: 'drip'; readonly everyMs: number }
  /** The first bytes of the right answer (half of them when not said), then a TCP reset. */
  | { readonly type: 'reset'; readonly afterBytes?: number }
  /** The same, then the orderly end of the connection. */
  | { readonly type: 'cut'; readonly afterBytes?: number }
  /** Whatever bytes: garbage, a length of 2 GB, a cut encoding. The connection stays. */
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  /** A page made up: any entries, any cookie; without `cookie` no paged control comes back. */
  | { readonly type: 'page'; readonly entries: readonly DirectoryEntry[]; readonly cookie?: Buffer }
  /** Message id 0, Notice of Disconnection, then the end. */
  | { readonly type: 'farewell'; readonly result: Result }
  /** Goes on as if nothing had been said. */
  | undefined;

export type Script = (asked: Asked) => Behaviour;

/** Text of result 49 as Active Directory and Samba write it. */
export function refusedBind(subCode: string): Behaviour {
  const text = `80090308: LdapErr: DSID-0C09050E, comment: AcceptSecurityContext error, data ${subCode}, v4563`;
  return { type: 'result', result: { code: 49, text } };
}

/** What a domain controller says to a cookie that it has thrown away. */
export const lostCookie: Behaviour = {
  type: 'result',
  result: { code: 12, text: '00002040: SvcErr: DSID-031401E7, problem 5010 (UNAVAIL_EXTENSION), data 0' },
};

/** A message that announces 2 GB, of which a little comes. */
export const hugeMessage: Behaviour = {
  type: 'bytes',
  bytes: Buffer.concat([Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(64, 0x04)]),
};

/** An entry whose attributes announce more than the message holds. */
export function brokenEntry(id: number): Behaviour {
  const entry = Buffer.from([0x64, 0x09, 0x04, 0x01, 0x61, 0x30, 0x7f, 0x30, 0x02, 0x04, 0x00]);
  return {
    type: 'bytes',
    bytes: Buffer.concat([Buffer.from([0x30, entry.length + 3, 0x02, 0x01, id]), entry]),
  };
}

export const garbage: Behaviour = { type: 'bytes', bytes: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') };

/** The behaviours one after the other, for the requests of one operation; then the directory answers. */
export function inTurn(operation: Request['operation'], ...behaviours: readonly Behaviour[]): Script {
  return (asked) => (asked.operation === operation ? behaviours[asked.nth - 1] : undefined);
}

/** For every request of one operation from the nth on. */
export function always(operation: Request['operation'], behaviour: Behaviour, from = 1): Script {
  return (asked) => (asked.operation === operation && asked.nth >= from ? behaviour : undefined);
}
