// SPDX-License-Identifier: Apache-2.0

const ports: Readonly<Record<string, string>> = { 'ldap:': '389', 'ldaps:': '636' };

/**
 * Scheme, host and port of a URL, by which budgets and clocks are kept. The language's own `origin` is the word "null" for every scheme
 * that is not the web's, so that all directories would be one.
 */
export function originOf(url: URL): string {
  if (url.origin !== 'null') return url.origin;
  const port = url.port === '' ? (ports[url.protocol] ?? '') : url.port;
  return `${url.protocol}//${url.hostname.toLowerCase()}${port === '' ? '' : `:${port}`}`;
}
