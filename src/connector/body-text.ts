// SPDX-License-Identifier: Apache-2.0
import { Failure } from './failure.ts';
import { vendorWords, type Redact } from './vendor-words.ts';

const defaultCharset = 'utf-8';

/** Whether a body is a page for people, whatever it calls itself. */
export function isWebPage(contentType: string | undefined, text: string): boolean {
  return /html/iu.test(contentType ?? '') || /^\s*<(!doctype|html)/iu.test(text.slice(0, 64));
}

/**
 * The text of a body that becomes data: every byte must mean something in the charset that the answer names (UTF-8 when it
 * names none), since a replacement character would be a value that the vendor never had. Throws a contract Failure.
 */
export function exactText(
  content: Buffer,
  contentType: string | undefined,
  { what, redact }: { readonly what: string; readonly redact: Redact },
): string {
  const charset = charsetOf(contentType);
  const named = vendorWords(charset, redact);
  const decoder = decoderOf(charset, true);
  if (decoder === undefined) {
    const message = `${what}: the answer comes in charset "${named}", which is not known here; the vendor must send UTF-8`;
    throw new Failure('contract', message);
  }
  try {
    return decoder.decode(content);
  } catch (error) {
    const start = wholeCharacters(content, charset);
    // Cut off in the middle of a character: no JSON ends with this mark, so it counts as cut off below as well.
    if (start !== undefined) return `${start}\uFFFD`;
    const message = `${what}: the bytes of the answer do not fit its charset "${named}"; the vendor must send UTF-8, or what it declares`;
    throw new Failure('contract', message, { cause: error });
  }
}

/** The text of a body that only goes into a message: what cannot be read is no reason to fail. */
export function roughText(content: Buffer, contentType: string | undefined): string {
  const decoder = decoderOf(charsetOf(contentType), false) ?? new TextDecoder(defaultCharset);
  return decoder.decode(content);
}

function charsetOf(contentType: string | undefined): string {
  const declared = /;\s*charset\s*=\s*["']?([^\s;,"']+)/iu.exec(contentType ?? '');
  return declared?.[1] ?? defaultCharset;
}

/** Undefined for a charset that the WHATWG encoding standard does not know. A byte order mark is dropped. */
function decoderOf(charset: string, fatal: boolean): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(charset, { fatal });
  } catch {
    return undefined;
  }
}

/** The text up to an incomplete last character; undefined when something else is wrong with it. */
function wholeCharacters(content: Buffer, charset: string): string | undefined {
  try {
    return decoderOf(charset, true)?.decode(content, { stream: true });
  } catch {
    return undefined;
  }
}
