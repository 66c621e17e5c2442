// SPDX-License-Identifier: Apache-2.0
/** Names that users, other tools and the cluster see. They never change within v1alpha1. */
export const group = 'integrations.buildworks.ai';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;
export const category = 'integrations';

export const externalSystemKind = 'ExternalSystem';
export const externalSystemPlural = 'externalsystems';
export const syncRunKind = 'SyncRun';
export const syncRunPlural = 'syncruns';

export const annotations = {
  /** On an ExternalSystem: any new token asks for one run; acknowledged in status.lastHandledRequest. */
  runRequested: `${group}/run-requested`,
  /** On an ExternalSystem, beside run-requested: Incremental, Full, Plan or Test. */
  runMode: `${group}/run-mode`,
  /** On an ExternalSystem: RUN@DIGEST, the proposed deletions that the next verified full pass may carry out. */
  approveDeletions: `${group}/approve-deletions`,
  /** On a SyncRun: "true" ends it as Cancelled; its pass goes on in the next run. */
  cancel: `${group}/cancel`,
} as const;
