/** What changed in vLLM within the last year and moves a number here: the day of each change, and the commit that made it. */

import { type EngineRelease, isSince } from './options';

/** Days on which a behaviour began. The history that was read is that of vllm-project/vllm from 2025-10 to 2026-08-17. */
const SINCE = {
  /** A few layers more of one kind than of another are padded to it, within a quarter. 71df2a57ef (#29303) */
  paddedGroups: '2025-11-24',
  /** c2ff33cc8c (#27614) */
  asyncScheduling: '2025-12-29',
  /** The attention backend chooses the pages of MLA; before, 64 tokens as FlashMLA's. 77a73458e3 (#35122) */
  backendPages: '2026-03-09',
  /** … within a half. 891c60dcd5 (#36684) */
  widelyPaddedGroups: '2026-03-12',
  /** 0.92 of the memory instead of 0.9. 96a85c5750 (#38284) */
  moreMemory: '2026-04-21',
  /** DeepSeek-V4. 4d51588e23 (#40860) */
  compressedEntries: '2026-04-26',
  /** Caches of a block of DeepSeek-V4 are packed. 01192139bf (#44577) */
  packedEntries: '2026-06-19',
  /** Windows are freed when a step is settled: tokens of all steps in flight are reserved. cd0de48d08 (#47728) */
  settledWindows: '2026-07-08',
  /** Hybrids with MLA take blocks of 128 tokens. aeeb36b1f1 (#50000) */
  latentHybridBlocks: '2026-07-30',
  /** Hybrids keep a prefix cache unless told otherwise, with states at block ends ("align"). f9c74b4b9c (#50991) */
  hybridPrefixes: '2026-08-04',
  /** 16,384 tokens a step, on every device. 4988df2eb8 (#51726) */
  largerSteps: '2026-08-11',
} as const;

export type VllmChange = keyof typeof SINCE;

/** From each month on, what stood at its end; what is modelled of August 2026 is the commit that was executed. */
export const VLLM_RELEASES: readonly [EngineRelease, ...EngineRelease[]] = [
  { id: '0.6', date: '2024-09', code: 'V0; for models without windows, the same sizes as 0.11' },
  { id: '0.8', date: '2025-03', code: 'the first V1; the same sizes as 0.11' },
  { id: '0.11', date: '2025-10', code: 'V1 as in 0.11, one batch in flight' },
  { id: '2025-11', date: '2025-11', code: 'main branch of November 2025' },
  { id: '2025-12', date: '2025-12', code: 'main branch of December 2025' },
  { id: '2026-03', date: '2026-03', code: 'main branch of March 2026' },
  { id: '2026-04', date: '2026-04', code: 'main branch of April 2026' },
  { id: '2026-06', date: '2026-06', code: 'main branch of June 2026' },
  { id: '2026-07', date: '2026-07', code: 'main branch of July 2026' },
  { id: '2026-08', date: '2026-08', asOf: '2026-08-09', code: '073c510c916 (2026-08-09)' },
  { id: '2026-09', date: '2026-09', code: 'main branch of September 2026' },
];

/** Whether a release has the change. */
export function has(release: EngineRelease, change: VllmChange): boolean {
  return isSince(release, SINCE[change]);
}
