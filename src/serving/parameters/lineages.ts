/** The register of lineages: how the layers of each model type are built. */

import type { Lineage } from './lineage';
import { DENSE } from './lineages/dense';
import { EXPERTS } from './lineages/experts';
import { HYBRIDS } from './lineages/hybrids';
import { SPECIALS } from './lineages/specials';

const byType = new Map<string, Lineage>(
  [DENSE, EXPERTS, HYBRIDS, SPECIALS]
    .flat()
    .flatMap((lineage) => lineage.types.split(' ').map((type) => [type, lineage] as const)),
);

/** Null where the build of a type's layers is not known. */
export function lineageOf(modelType: string): Lineage | null {
  return byType.get(modelType) ?? null;
}
