// SPDX-License-Identifier: Apache-2.0
import type { DemoOptions } from './options.ts';

/** What every form of the demo plays on. */
export interface Stage {
  readonly options: DemoOptions;
  /** Removed when the demo ends. */
  readonly folder: string;
  /** Secret and ExternalSystem as YAML, pointed at the system that is read. */
  readonly manifests: string;
  /** A query that shows some of what was read. */
  readonly look: string;
  /** A line for the person who watches, on standard error. */
  readonly say: (line: string) => void;
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
}
