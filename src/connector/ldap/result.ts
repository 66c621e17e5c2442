// SPDX-License-Identifier: Apache-2.0
import { audiences, type Audience, type FailureCode } from '../../api/failure.ts';
import { Failure } from '../failure.ts';
import { vendorWords, type Redact } from '../vendor-words.ts';
import type { LdapResult } from './message.ts';

interface Verdict {
  readonly name: string;
  readonly code: FailureCode;
  /** What it means and what to do. */
  readonly words: string;
  readonly audience?: Audience;
}

const { administrator } = audiences;
const useTls = 'use ldaps:// URLs, or startTls: true';
const ownRequest = 'the request is wrong, which is an error of the operator';

/** Result codes of RFC 4511 appendix A that end a bind, StartTLS or search. 0 is success, 49 has its own table (bind-refusal.ts). */
const verdicts: Readonly<Record<number, Verdict>> = {
  1: {
    name: 'operationsError',
    code: 'contract',
    words: 'the directory reports an error of its own; see its log',
    audience: administrator,
  },
  2: { name: 'protocolError', code: 'contract', words: ownRequest },
  3: {
    name: 'timeLimitExceeded',
    code: 'unavailable',
    words: "the directory's time limit came before the end; lower spec.limits.pageSize, or narrow the bases",
  },
  4: {
    name: 'sizeLimitExceeded',
    code: 'permission',
    words:
      'the directory gives this account a limited number of entries, so the list is cut and nothing in it is taken for complete; lift the limit for the account (slapd: size=unlimited size.prtotal=unlimited)',
    audience: administrator,
  },
  7: {
    name: 'authMethodNotSupported',
    code: 'configuration',
    words: 'the directory takes no simple bind; allow it for this account',
    audience: administrator,
  },
  8: {
    name: 'strongerAuthRequired',
    code: 'configuration',
    words: `the directory wants an encrypted connection; ${useTls}`,
  },
  10: { name: 'referral', code: 'configuration', words: 'another server holds this base' },
  11: {
    name: 'adminLimitExceeded',
    code: 'permission',
    words: 'the search passes a limit of the directory; narrow the bases, or raise the limit for the account',
    audience: administrator,
  },
  12: {
    name: 'unavailableCriticalExtension',
    code: 'contract',
    words: 'the directory refuses a control that it says it offers',
  },
  13: {
    name: 'confidentialityRequired',
    code: 'configuration',
    words: `the directory wants an encrypted connection; ${useTls}`,
  },
  16: { name: 'noSuchAttribute', code: 'contract', words: ownRequest },
  17: { name: 'undefinedAttributeType', code: 'contract', words: ownRequest },
  18: { name: 'inappropriateMatching', code: 'contract', words: ownRequest },
  21: { name: 'invalidAttributeSyntax', code: 'contract', words: ownRequest },
  32: { name: 'noSuchObject', code: 'configuration', words: 'there is no such base' },
  34: { name: 'invalidDNSyntax', code: 'configuration', words: 'the base is no DN; correct it' },
  48: {
    name: 'inappropriateAuthentication',
    code: 'credentials',
    words: 'this account cannot log in by a password; give another one in the Secret',
  },
  50: {
    name: 'insufficientAccessRights',
    code: 'permission',
    words: 'the account may not read this; grant it the right',
    audience: administrator,
  },
  51: { name: 'busy', code: 'throttled', words: 'the directory is busy' },
  52: { name: 'unavailable', code: 'unavailable', words: 'the directory is not available' },
  53: {
    name: 'unwillingToPerform',
    code: 'permission',
    words: 'a policy of the directory forbids it',
    audience: administrator,
  },
  80: { name: 'other', code: 'unavailable', words: 'the directory reports an error of its own' },
};

const ownNames: Readonly<Record<number, string>> = { 0: 'success', 49: 'invalidCredentials' };

/** Name of a result code, of a closed set: for metrics. */
export function resultName(code: number): string {
  return ownNames[code] ?? verdicts[code]?.name ?? 'unknownResult';
}

/** The server says that nobody is logged in on this connection (Active Directory 000004DC, Samba 00002020). */
export function saysUnbound({ code, text }: LdapResult): boolean {
  return code === 1 && /\b(?:000004DC|00002020)\b|bind must be completed/iu.test(text);
}

/** A Failure that a result code stands for. */
export class ResultFailure extends Failure {
  readonly resultCode: number;

  constructor(resultCode: number, code: FailureCode, message: string, audience?: Audience) {
    super(code, message, audience === undefined ? {} : { audience });
    this.resultCode = resultCode;
  }
}

/** What a result other than success means. Pure. `what` names what was asked for, `base` the DN that it was asked below. */
export function failureOfResult(
  result: LdapResult,
  { what, base, redact }: { readonly what: string; readonly base?: string; readonly redact: Redact },
): ResultFailure {
  const { code, text } = result;
  const said = text === '' ? '' : `: "${vendorWords(text, redact)}"`;
  const verdict = verdicts[code];
  if (saysUnbound(result)) {
    const message = `${what}: the directory says that nobody is logged in on this connection (1, operationsError)${said}; it is made and bound anew`;
    return new ResultFailure(code, 'unavailable', message);
  }
  if (verdict === undefined) {
    return new ResultFailure(code, 'contract', `${what}: the directory answers with result ${code}${said}`);
  }
  const message = `${what}: ${verdict.words}${where(result, base, redact)} (${code}, ${verdict.name})${said}`;
  return new ResultFailure(code, verdict.code, message, verdict.audience);
}

/** What the server says of the place, beside its words. */
function where({ code, matchedDn, referrals }: LdapResult, base: string | undefined, redact: Redact): string {
  const below = base === undefined || base === '' ? '' : `, ${vendorWords(base, redact)}`;
  if (code === 10) {
    const urls = referrals.length === 0 ? 'no URL' : vendorWords(referrals.join(' '), redact);
    return `${below}: ${urls}; it is not followed, since the credentials would go there; correct the base, or name that server in the URLs`;
  }
  if (code !== 32 && code !== 34) return '';
  const nearest = matchedDn === '' ? '' : `; the nearest that exists is ${vendorWords(matchedDn, redact)}`;
  return code === 32 ? `${below}${nearest}; correct it` : below;
}
