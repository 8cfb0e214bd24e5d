/** Before every file: one fresh seed for the properties of a run (see vitest.config.mts), which a failure names. */

import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['HEADLIGHT_SEED']) });
