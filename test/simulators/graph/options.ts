// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { after, signedNumber, wholeNumber } from '../command-line.ts';
import type { GraphOptions } from './index.ts';
import type { Trials } from './trials.ts';
import { licenceNames, type Licences } from './world.ts';

export const usage = `node test/simulators/graph/main.ts [flags]

Microsoft's token endpoint and Graph v1.0 on 127.0.0.1 until Ctrl-C. It prints {"graphUrl": "http://...", "loginUrl": "http://...", "tenantId": "...", "controlUrl": "http://..."} when it listens.

  --port N             port of Graph; default 0, any that is free
  --login-port N       port of the token endpoint; default 0, any that is free
  --control-port N     port where it takes commands while it runs; default 0, any that is free
  --one-address        the token endpoint at the port of Graph
  --client-id TEXT     id of the application; default c0ffee00-0000-4000-8000-000000000001
  --client-secret TEXT its secret; default change-me
  --certificate FILE   a certificate of the application, PEM, by which assertions are checked
  --token-seconds N    life of a token; default 3599
  --clock-skew-seconds N  how far its clock is ahead; --clock-skew-seconds=-60 for behind; default 0
  --seed N             another tenant for another number; default 1
  --users N            how many users; default 2500
  --groups N           how many groups, besides the named ones; default a 25th of the users
  --devices N          how many devices; default four fifths of the users
  --applications N     how many service principals, besides the named ones; default 30 and a 50th of the users
  --withhold ROLE      no consent for this permission, such as Device.Read.All; may be given several times
  --without LICENCE    the tenant lacks it: premium, pim or intune; may be given several times
  --page-size N        pages are no larger, whatever was asked for
  --throttle-every N   answer every Nth request of Graph with 429 and Retry-After: 1
  --delete-after S:N   delete N users after S seconds
  --help               this text`;

export type CommandLine = GraphOptions & { readonly trials: Trials; readonly controlPort: number };

/** The options of a command line; `help` when that is asked for. Throws for a flag or a number that is none. */
export function parseOptions(args: readonly string[]): CommandLine | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      'login-port': { type: 'string', default: '0' },
      'control-port': { type: 'string', default: '0' },
      'one-address': { type: 'boolean', default: false },
      'client-id': { type: 'string', default: 'c0ffee00-0000-4000-8000-000000000001' },
      // A secret of an emulator on loopback is none.
      'client-secret': { type: 'string', default: 'change-me' },
      certificate: { type: 'string' },
      'token-seconds': { type: 'string', default: '3599' },
      'clock-skew-seconds': { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      users: { type: 'string', default: '2500' },
      groups: { type: 'string' },
      devices: { type: 'string' },
      applications: { type: 'string' },
      withhold: { type: 'string', multiple: true, default: [] },
      without: { type: 'string', multiple: true, default: [] },
      'page-size': { type: 'string' },
      'throttle-every': { type: 'string', default: '0' },
      'delete-after': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { groups, devices, applications } = values;
  const pageSize = values['page-size'];
  return {
    port: wholeNumber('port', values.port),
    loginPort: wholeNumber('login-port', values['login-port']),
    controlPort: wholeNumber('control-port', values['control-port']),
    oneAddress: values['one-address'],
    application: {
      clientId: values['client-id'],
      clientSecret: values['client-secret'],
      tokenSeconds: wholeNumber('token-seconds', values['token-seconds']),
      ...(values.certificate === undefined ? {} : { certificates: [readCertificate(values.certificate)] }),
    },
    clockSkewMs: 1000 * signedNumber('clock-skew-seconds', values['clock-skew-seconds']),
    seed: wholeNumber('seed', values.seed),
    counts: {
      users: wholeNumber('users', values.users),
      ...(groups === undefined ? {} : { groups: wholeNumber('groups', groups) }),
      ...(devices === undefined ? {} : { devices: wholeNumber('devices', devices) }),
      ...(applications === undefined ? {} : { servicePrincipals: wholeNumber('applications', applications) }),
    },
    trials: {
      withhold: values.withhold,
      without: values.without.map(licence),
      pageSize: pageSize === undefined ? undefined : wholeNumber('page-size', pageSize),
      throttleEvery: wholeNumber('throttle-every', values['throttle-every']),
      deleteAfter: after('delete-after', values['delete-after']),
    },
  };
}

function licence(text: string): keyof Licences {
  const found = licenceNames.find((name) => name === text);
  if (found === undefined) throw new Error(`--without ${text}: use ${licenceNames.join(', ')}`);
  return found;
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(
      `--certificate ${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`,
      {
        cause: error,
      },
    );
  }
}
