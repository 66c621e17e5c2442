// SPDX-License-Identifier: Apache-2.0

/** Undefined where a text is no JSON, which is an answer too: the status says what it means. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
