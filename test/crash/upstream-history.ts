// SPDX-License-Identifier: Apache-2.0

/** What one record was from a moment on: a name that no other version of it has, or gone. */
export interface UpstreamVersion {
  readonly name: string | undefined;
  /** Noted before anybody could read it, in ms since 1970. */
  readonly sinceMs: number;
}

/** Everything that was ever true upstream, told by whoever changed it: what the auditor judges rows by. */
export class UpstreamHistory {
  private readonly versions = new Map<string, UpstreamVersion[]>();

  /** Call it before the change can be read. */
  note(id: string, name: string | undefined): void {
    const known = this.versions.get(id) ?? [];
    known.push({ name, sinceMs: Date.now() });
    this.versions.set(id, known);
  }

  of(id: string): readonly UpstreamVersion[] {
    return this.versions.get(id) ?? [];
  }

  /** Names by id, of what is there now. */
  get truth(): ReadonlyMap<string, string> {
    const now = [...this.versions].map(([id, versions]) => [id, versions.at(-1)?.name] as const);
    return new Map(now.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
  }
}
