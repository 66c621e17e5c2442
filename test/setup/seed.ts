// SPDX-License-Identifier: Apache-2.0
import { configureGlobal } from 'fast-check';
import { inject } from 'vitest';

/** One seed for the whole run, printed by it: TEST_SEED=… repeats the properties' inputs. */
configureGlobal({ seed: inject('seed') });
