// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { after, signedNumber, wholeNumber } from '../command-line.ts';
import type { ServiceNowOptions } from './index.ts';
import type { Trials } from './trials.ts';

export const usage = `node test/simulators/servicenow/main.ts [flags]

A ServiceNow on 127.0.0.1 until Ctrl-C: Table API, counts, Basic and OAuth authentication. It prints {"url": "http://...", "controlUrl": "http://..."} when it listens.

  --port N            port; default 0, any that is free
  --control-port N    port where it takes commands while it runs; default 0, any that is free
  --user NAME         login name; default reader
  --password TEXT     password; default change-me
  --client-id TEXT    also give OAuth tokens to this client, by password, refresh and client credentials
  --client-secret TEXT  secret of the client; default change-me-too
  --token-seconds N   life of a token; default 1800
  --clock-skew-seconds N  how far its clock is ahead; --clock-skew-seconds=-60 for behind; default 0
  --zone-minutes N    time zone of the account: how far labels of times are ahead of UTC; default 0
  --rows FILE         serve a file of recorded answers instead of generated rows (form: README.md beside main.ts)
  --seed N            other generated rows for another number; default 1
  --servers N         how many generated configuration items; default 3000, millions are fine
  --notebooks N       how many notebooks besides (cmdb_ci_computer), the first devices of the emulator of Graph; default 100
  --users N           how many generated users; default a tenth of the servers
  --groups N          how many generated groups; default a tenth of the users
  --relationships N   how many generated relations; default one less than servers
  --forbid TABLE      answer 403 for this table; may be given several times
  --hide-rows N       count so many configuration items, but do not give them
  --throttle-every N  answer every Nth request for rows with 429 and Retry-After: 1
  --delete-after S:N  delete N configuration items after S seconds
  --help              this text`;

export type CommandLine = ServiceNowOptions & { readonly trials: Trials; readonly controlPort: number };

/** The options of a command line; `help` when that is asked for. Throws for a flag or a number that is none. */
export function parseOptions(args: readonly string[]): CommandLine | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      'control-port': { type: 'string', default: '0' },
      user: { type: 'string', default: 'reader' },
      // A password of an emulator on loopback is no secret.
      password: { type: 'string', default: 'change-me' },
      'client-id': { type: 'string' },
      'client-secret': { type: 'string', default: 'change-me-too' },
      'token-seconds': { type: 'string', default: '1800' },
      'clock-skew-seconds': { type: 'string', default: '0' },
      'zone-minutes': { type: 'string', default: '0' },
      rows: { type: 'string' },
      seed: { type: 'string', default: '1' },
      servers: { type: 'string', default: '3000' },
      notebooks: { type: 'string', default: '100' },
      users: { type: 'string' },
      groups: { type: 'string' },
      relationships: { type: 'string' },
      forbid: { type: 'string', multiple: true, default: [] },
      'hide-rows': { type: 'string', default: '0' },
      'throttle-every': { type: 'string', default: '0' },
      'delete-after': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { users, groups, relationships } = values;
  return {
    port: wholeNumber('port', values.port),
    controlPort: wholeNumber('control-port', values['control-port']),
    basic: { username: values.user, password: values.password },
    clockSkewMs: 1000 * signedNumber('clock-skew-seconds', values['clock-skew-seconds']),
    zoneMinutes: signedNumber('zone-minutes', values['zone-minutes']),
    seed: wholeNumber('seed', values.seed),
    counts: {
      servers: wholeNumber('servers', values.servers),
      notebooks: wholeNumber('notebooks', values.notebooks),
      ...(users === undefined ? {} : { users: wholeNumber('users', users) }),
      ...(groups === undefined ? {} : { groups: wholeNumber('groups', groups) }),
      ...(relationships === undefined ? {} : { relationships: wholeNumber('relationships', relationships) }),
    },
    ...(values['client-id'] === undefined
      ? {}
      : {
          oauth: {
            clientId: values['client-id'],
            clientSecret: values['client-secret'],
            tokenSeconds: wholeNumber('token-seconds', values['token-seconds']),
          },
        }),
    ...(values.rows === undefined ? {} : { rows: values.rows }),
    trials: {
      forbid: values.forbid,
      hideRows: wholeNumber('hide-rows', values['hide-rows']),
      throttleEvery: wholeNumber('throttle-every', values['throttle-every']),
      deleteAfter: after('delete-after', values['delete-after']),
    },
  };
}
