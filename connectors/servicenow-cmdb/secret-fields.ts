// SPDX-License-Identifier: Apache-2.0

/** Dictionary types whose values are secrets, hashed or not. */
const secretTypes: ReadonlySet<string> = new Set(['password', 'password2', 'glide_encrypted']);

export function isSecretType(internalType: string): boolean {
  return secretTypes.has(internalType);
}

const secretWord = /(password|passwd|passphrase|passcode|secret|secrets|credential|credentials)$/u;
const wholeWords: ReadonlySet<string> = new Set(['pwd', 'passw', 'apikey', 'accesskey', 'privatekey']);
/** Words that make a secret of a `key` that follows. */
const keyWords: ReadonlySet<string> = new Set([
  'api',
  'access',
  'private',
  'secret',
  'encryption',
  'signing',
]);

/**
 * Whether the name of a field says that it holds a secret: all there is to go by where the dictionary does not tell its
 * type. Whole words count, so that u_secretary and u_token_ring are none; a token is one at the end of a name only.
 */
export function hasSecretName(field: string): boolean {
  const words = field.toLowerCase().split('_');
  if (/tokens?$/u.test(words.at(-1) ?? '')) return true;
  return words.some(
    (word, index) =>
      secretWord.test(word) ||
      wholeWords.has(word) ||
      (word === 'key' && keyWords.has(words[index - 1] ?? '')),
  );
}
