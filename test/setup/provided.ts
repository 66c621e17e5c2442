// SPDX-License-Identifier: Apache-2.0
import type { ClusterAddress } from '../kit/control-plane/access.ts';

/** What the setup of the cluster project hands to its tests. */
export type ProvidedControlPlane =
  | { readonly state: 'running'; readonly address: ClusterAddress }
  | { readonly state: 'missing'; readonly reason: string };

export type ProvidedHelm =
  { readonly state: 'found'; readonly path: string } | { readonly state: 'missing'; readonly reason: string };

declare module 'vitest' {
  export interface ProvidedContext {
    readonly controlPlane: ProvidedControlPlane;
    readonly helm: ProvidedHelm;
    readonly seed: number;
  }
}
