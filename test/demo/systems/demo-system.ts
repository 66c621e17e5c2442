// SPDX-License-Identifier: Apache-2.0
import type { RoleMapping } from '../../../src/api/role-mappings.ts';

/** What the demo must know of one connector: a system to read, and where to look afterwards. */
export interface DemoSystem {
  /** The member of spec.connector. */
  readonly id: string;
  /** File in config/samples/ that is pointed at the system. */
  readonly sample: string;
  /** What `--size` counts, and how many there are unless it is given. */
  readonly counts: string;
  readonly defaultSize: number;
  /** A query that shows some of what was read. */
  readonly look: string;
  start(options: DemoSize, say: (line: string) => void): Promise<StartedSystem>;
}

export interface DemoSize {
  readonly size: number;
  readonly seed: number;
}

export interface StartedSystem {
  /** What runs, for the person who watches. */
  readonly what: string;
  /** Laid over the block of the sample. */
  readonly connector: Readonly<Record<string, unknown>>;
  /** In the place of those of the sample, which name groups of its own; undefined where a sample has none. */
  readonly roleMappings?: readonly RoleMapping[];
  /** In the place of the sample's Secret. */
  readonly secret: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}
