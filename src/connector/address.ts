// SPDX-License-Identifier: Apache-2.0
import { lookup as lookupCallback, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Failure } from './failure.ts';
import { originOf } from './origin.ts';

export interface AddressPolicy {
  /** Plain http:, and ldap: without StartTLS, beyond loopback. */
  readonly allowHttp: boolean;
  /** Loopback and link-local addresses, where a cluster's own metadata services live. */
  readonly allowLoopback: boolean;
  /** What to set to allow it, for the message. */
  readonly remedy: string;
}

const local = new BlockList();
local.addSubnet('127.0.0.0', 8, 'ipv4');
local.addSubnet('169.254.0.0', 16, 'ipv4');
local.addSubnet('0.0.0.0', 8, 'ipv4');
local.addAddress('::1', 'ipv6');
local.addAddress('::', 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

/** Whether an address is loopback, link-local or unspecified; IPv4 mapped into IPv6 counts as IPv4. */
export function isLocalAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/gu, '');
  return local.check(bare, isIP(bare) === 6 ? 'ipv6' : 'ipv4');
}

const encrypted: ReadonlySet<string> = new Set(['https:', 'ldaps:']);

/** Refuses a URL before anything is sent. `field` is the field of the spec that holds it; `startTls` makes ldap: an encrypted one. */
export function checkUrl(url: URL, policy: AddressPolicy, field: string, startTls = false): void {
  const host = url.hostname.toLowerCase();
  const literal = isIP(host.replace(/^\[|\]$/gu, '')) !== 0;
  const loopback = host === 'localhost' || host.endsWith('.localhost') || (literal && isLocalAddress(host));
  if (loopback && !policy.allowLoopback) {
    throw refusal(`${field}: ${originOf(url)} is a loopback or link-local address`, policy);
  }
  if (encrypted.has(url.protocol) || (url.protocol === 'ldap:' && startTls)) return;
  const plain = url.protocol === 'http:' || url.protocol === 'ldap:';
  if (plain && (policy.allowHttp || (loopback && policy.allowLoopback))) return;
  const lacks = url.protocol === 'ldap:' ? 'is neither ldaps nor made secure by startTls' : 'is not https';
  throw refusal(`${field}: ${originOf(url)} ${lacks}, so credentials would travel in the clear`, policy);
}

function refusal(what: string, policy: AddressPolicy): Failure {
  return new Failure('configuration', `${what}; ${policy.remedy}`);
}

/** Name look-up for connections: a name that resolves to a local address is refused too, at every connect. */
export function guardedLookup(policy: AddressPolicy): LookupFunction {
  return (hostname, options, callback) => {
    lookupCallback(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, '', 0);
      const refused = policy.allowLoopback
        ? undefined
        : addresses.find(({ address }) => isLocalAddress(address));
      if (refused !== undefined) {
        const what = `${hostname} resolves to ${refused.address}, a loopback or link-local address`;
        return callback(refusal(what, policy), '', 0);
      }
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      return callback(null, first?.address ?? '', first?.family ?? 0);
    });
  };
}
