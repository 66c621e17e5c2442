// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { SyncRunStatus } from '../../src/api/sync-run.ts';
import { completeVerdict } from '../../src/operator/completeness.ts';
import { reasonOf } from '../../src/operator/verdict.ts';
import type { Answer } from '../simulators/faults.ts';
import { refuse, type Asked } from '../simulators/servicenow/faults.ts';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import { CliBench, oauthClient } from './cli-bench.ts';

/* Whatever a ServiceNow does wrong while it is read in full, over real sockets: nothing is deleted, and somebody is told why. */

const bench = new CliBench();
const oauth = { auth: { type: 'OAuth2', secretRef: { name: 'login' } } };
const generous = { deletion: { budget: { maxPercent: 100, maxRecords: 100_000 } } };
const small = { limits: { requestsPerSecond: 1000, maxRetries: 0, pageSize: 10 }, ...generous };

const live = () => bench.rows('SELECT count(*) AS n FROM assets WHERE deleted_at IS NULL')[0]?.['n'];
const complete = (status: SyncRunStatus | undefined) => completeVerdict(status, reasonOf)[0];
const isItems = ({ table, method }: Asked) => method === 'GET' && table.startsWith('cmdb_ci');
const byId = ({ params }: Asked) => params.get('sysparm_query')?.includes('sys_idIN') === true;

function rows(list: readonly object[], total?: number): Answer {
  return (response) => {
    const counted = total === undefined ? {} : { 'x-total-count': String(total) };
    response.writeHead(200, { 'content-type': 'application/json', ...counted });
    response.end(JSON.stringify({ result: list }));
  };
}

/** Reads 60 servers well, and then once more in full with what `fault` does to the instance. */
async function fullRunWith(fault: (instance: ServiceNow) => void, spec: object = small, secret?: object) {
  await bench.sync(bench.manifests({}, spec, secret));
  expect(live()).toBe(60);
  fault(bench.instance);
  const { run } = await bench.sync(bench.manifests({}, spec, secret), '--mode', 'Full');
  return run.status;
}

interface Wrong {
  readonly fault: (instance: ServiceNow) => void;
  readonly phase: 'Failed' | 'PartiallySucceeded';
  readonly code: string;
  readonly reason: string;
  readonly incompleteReason: RegExp;
}

describe('nothing is deleted, the run does not succeed, and Complete says why', () => {
  test.each<[string, Wrong]>([
    [
      'after a 403 of the class',
      {
        fault: (instance) => instance.forbidden.add('cmdb_ci_server'),
        phase: 'Failed',
        code: 'permission',
        reason: 'PermissionDenied',
        incompleteReason: /^permission: table cmdb_ci_server: reading was refused \(403/u,
      },
    ],
    [
      'after a 403 of a class below, in the middle',
      {
        fault: (instance) => instance.forbidden.add('cmdb_ci_linux_server'),
        phase: 'Failed',
        code: 'permission',
        reason: 'PermissionDenied',
        incompleteReason: /^permission: table cmdb_ci_linux_server/u,
      },
    ],
    [
      'after short pages: more is counted than given',
      {
        fault: (instance) => {
          instance.hidden = (table, row) => table.startsWith('cmdb_ci') && /[02468]$/u.test(row('name'));
        },
        phase: 'Failed',
        code: 'permission',
        reason: 'PermissionDenied',
        incompleteReason: /row access hides \d+ of \d+ counted rows/u,
      },
    ],
    [
      'after 200 with an empty list and no count',
      {
        fault: ({ faults }) => faults.add({ when: isItems, answer: rows([]) }),
        phase: 'Failed',
        code: 'permission',
        reason: 'PermissionDenied',
        incompleteReason: /^permission: cis: scope cmdb_ci_server gave no rows where 60 live records stand/u,
      },
    ],
    [
      'after 200 with an empty list that counts nothing, once',
      {
        fault: ({ faults }) => {
          let seen = 0;
          const first = (asked: Asked) => isItems(asked) && (seen += 1) <= 2;
          faults.add({ when: first, answer: rows([], 0) });
        },
        phase: 'Failed',
        code: 'permission',
        reason: 'PermissionDenied',
        incompleteReason: /row access hides 60 of 60 counted rows/u,
      },
    ],
    [
      'after a login that is refused in the middle',
      {
        fault: ({ faults }) => {
          let seen = 0;
          const later = (asked: Asked) => isItems(asked) && (seen += 1) > 4;
          faults.add({ when: later, answer: refuse(401, 'User Not Authenticated') });
        },
        phase: 'Failed',
        code: 'credentials',
        reason: 'InvalidCredentials',
        incompleteReason: /^credentials: table .* \(401/u,
      },
    ],
    [
      'after a page that is no list',
      {
        fault: ({ faults }) => {
          let seen = 0;
          const third = (asked: Asked) => isItems(asked) && (seen += 1) > 5;
          faults.add({ when: third, answer: (response) => response.writeHead(200).end('{"result":{}}') });
        },
        phase: 'Failed',
        code: 'unavailable',
        reason: 'UpstreamUnavailable',
        incompleteReason: /^unavailable: table .* no list of rows/u,
      },
    ],
    [
      'when a record that looks gone is hidden from the list, and counted by its id',
      {
        fault: (instance) => {
          // Another domain: the query leaves it out, count and all; asked for by id it is counted.
          instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', 1));
          instance.faults.add({ when: (asked) => isItems(asked) && byId(asked), answer: rows([], 1) });
        },
        phase: 'Failed',
        code: 'permission',
        reason: 'PermissionDenied',
        incompleteReason: /^permission: cis: 1 records of scope cmdb_ci_server .* are there but hidden/u,
      },
    ],
  ])('%s', async (_what, { fault, phase, code, reason, incompleteReason }) => {
    const status = await fullRunWith(fault);
    expect(status).toMatchObject({ phase, failure: { code }, totals: { deleted: 0 } });
    expect(status?.streams?.[0]).toMatchObject({
      complete: false,
      incompleteReason: expect.stringMatching(incompleteReason),
    });
    expect(complete(status)).toMatchObject({
      status: 'False',
      reason,
      message: expect.stringMatching(
        /^not read to a verified end, so nothing absent there is deleted: cis: /u,
      ),
    });
    expect(live()).toBe(60);
  });

  test('after tokens that end in mid-pass and are not renewed', async () => {
    const status = await fullRunWith(
      ({ faults, login }) => {
        let seen = 0;
        faults.add({
          when: (asked) => {
            if (isItems(asked) && (seen += 1) === 5) login.revoke();
            return asked.path === '/oauth_token.do' && seen >= 5;
          },
          answer: refuse(401, 'access_denied'),
        });
      },
      { ...oauth, ...small },
      oauthClient,
    );
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'credentials' },
      totals: { deleted: 0 },
    });
    expect(status?.totals?.fetched, 'pages were read before').toBeGreaterThan(0);
    expect(complete(status)).toMatchObject({ status: 'False', reason: 'InvalidCredentials' });
    expect(live()).toBe(60);
  });

  test('the streams that were read well delete, those beside them do not', async () => {
    await bench.sync(bench.manifests({ users: true }, small));
    bench.instance.forbidden.add('sys_user');
    bench.instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', 1));
    const { run } = await bench.sync(bench.manifests({ users: true }, small), '--mode', 'Full');
    expect(run.status).toMatchObject({
      phase: 'PartiallySucceeded',
      streams: [
        { name: 'cis', complete: true, deleted: 1 },
        { name: 'users', complete: false, deleted: 0 },
      ],
    });
    expect(complete(run.status)).toMatchObject({ status: 'False', reason: 'PermissionDenied' });
    expect(bench.rows('SELECT count(*) AS n FROM users WHERE deleted_at IS NOT NULL')).toEqual([{ n: 0 }]);
  });
});

describe('what is proven is told with its evidence', () => {
  test('tokens that end in mid-pass and are renewed cost nothing', async () => {
    const status = await fullRunWith(
      ({ faults, login }) => {
        let seen = 0;
        const revokes = (asked: Asked) => {
          if (isItems(asked) && (seen += 1) === 5) login.revoke();
          return false;
        };
        faults.add({ when: revokes, answer: rows([]) });
      },
      { ...oauth, ...small },
      oauthClient,
    );
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { fetched: 60, deleted: 0 } });
  });

  test('a run says what was read and counted, and what became of the records that were asked for by id', async () => {
    const status = await fullRunWith((instance) => {
      instance.remove('cmdb_ci_linux_server', ServiceNow.id('0c', 1));
      instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', 2));
    });
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 2 } });
    expect(status?.streams?.[0]?.evidence).toMatchObject({
      rows: 58,
      counted: 58,
      scopesCounted: 1,
      scopesAgreed: 1,
      probed: 2,
      present: 0,
      stated: 1,
    });
    expect(complete(status)).toMatchObject({ status: 'True', reason: 'Verified' });
    const [kept] = bench.rows(
      `SELECT t.stream, s.scope, p.verdict, p.evidence FROM pass_scopes p
       JOIN scopes s ON s.id = p.scope_id JOIN streams t ON t.id = s.stream_id
       WHERE p.ended_by = (SELECT run_uid || '/' || attempt FROM runs ORDER BY sequence DESC LIMIT 1)`,
    );
    expect(kept).toMatchObject({ stream: 'cis', scope: 'cmdb_ci_server', verdict: 'Full' });
    expect(JSON.parse(String(kept?.['evidence']))).toMatchObject({
      rows: 58,
      counted: 58,
      last: expect.any(String),
    });
  });

  test('a table that is really empty is believed when the instance says so twice, and waits for its owner', async () => {
    const within = { ...small, deletion: {} };
    const status = await fullRunWith(
      ({ faults }) => faults.add({ when: isItems, answer: rows([], 0) }),
      within,
    );
    expect(status).toMatchObject({
      failure: { code: 'deletionBudget' },
      totals: { deleted: 0 },
      streams: [{ complete: true, withheld: 60, evidence: { rows: 0, counted: 0, scopesAgreed: 1 } }],
    });
    expect(live()).toBe(60);
    const allowed = await bench.sync(bench.manifests({}, small), '--mode', 'Full');
    expect(allowed.run.status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 60 } });
  });
});
