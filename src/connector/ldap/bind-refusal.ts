// SPDX-License-Identifier: Apache-2.0
import { audiences, type Audience } from '../../api/failure.ts';
import { Failure } from '../failure.ts';
import { vendorWords, type Redact } from '../vendor-words.ts';

interface Refusal {
  readonly means: string;
  readonly remedy: string;
  /** Who must act, where that is not the owner of the Secret. */
  readonly audience?: Audience;
}

const { administrator } = audiences;

/**
 * Sub-codes of result 49 from Active Directory, hexadecimal Windows error codes in its diagnostic message (`data 52e`). Samba answers
 * with the same text.
 */
const refusals: Readonly<Record<string, Refusal>> = {
  '525': { means: 'there is no such user', remedy: 'correct the key username of the Secret' },
  '52e': {
    means: 'wrong user name or password',
    remedy:
      'correct the Secret; this run does not try it again, since every try counts towards locking the account',
  },
  '52f': {
    means: 'restrictions of the account forbid this logon',
    remedy: 'allow it simple binds (it may be in Protected Users, or need a smart card)',
    audience: administrator,
  },
  '530': {
    means: 'the account may not log on at this hour',
    remedy: 'widen its logon hours, or narrow spec.schedule.windows',
    audience: administrator,
  },
  '531': {
    means: 'the account may not log on from this host',
    remedy: "add it to the account's logon workstations",
    audience: administrator,
  },
  '532': { means: 'the password has expired', remedy: 'set a new one in the directory and in the Secret' },
  '533': { means: 'the account is disabled', remedy: 'enable it', audience: administrator },
  '568': {
    means: 'the account is a member of too many groups',
    remedy: 'take it out of some',
    audience: administrator,
  },
  '701': { means: 'the account has expired', remedy: 'extend it', audience: administrator },
  '773': {
    means: 'the password must be changed before the first logon',
    remedy: 'set a new one in the directory and in the Secret',
  },
  '775': {
    means: 'the account is locked',
    remedy: 'unlock it, and find who locks it',
    audience: administrator,
  },
};

/** What a refused bind (result 49) means and who must do what. Pure. `text` is the server's diagnostic message. */
export function bindRefusal(
  text: string,
  { what, name, redact }: { readonly what: string; readonly name: string; readonly redact: Redact },
): Failure {
  const code = /\bdata ([0-9a-f]+)\b/iu.exec(text)?.[1]?.toLowerCase();
  const known = code === undefined ? undefined : refusals[code];
  const account = vendorWords(name, redact);
  if (known !== undefined) {
    const message = `${what}: ${known.means} (49, data ${code}) for ${account}; ${known.remedy}`;
    return new Failure(
      'credentials',
      message,
      known.audience === undefined ? {} : { audience: known.audience },
    );
  }
  const said = text === '' ? '' : `: "${vendorWords(text, redact)}"`;
  const message = `${what}: the directory refuses ${account} (49, invalidCredentials)${said}; correct username and password in the Secret; this run does not try them again, since every try counts towards locking the account`;
  return new Failure('credentials', message);
}
