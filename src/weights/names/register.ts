/** The families whose forward pass is known. Add one by describing it in families/ and naming it here. */

import { bloom, falcon, mpt } from './families/alibi';
import { opt, xglm } from './families/bart';
import { cohere } from './families/cohere';
import {
  axk1,
  deepseekV2,
  deepseekV3,
  dots1,
  glm4Moe,
  glm4MoeLite,
  mimoV2,
  minicpm3,
  solarOpen,
  youtu,
} from './families/deepseek';
import { gemma, gemma2, gemma3, gemma4, vaultgemma } from './families/gemma';
import { glm, phi3 } from './families/glm';
import { gpt2, gptJ, gptNeo, gptNeoX } from './families/gpt';
import {
  arcee,
  bitnet,
  cwm,
  ernie,
  granite,
  graniteSwa,
  helium,
  hunyuan,
  hyperclovax,
  jais2,
  llama,
  ministral3,
  mistral,
  nemotron,
  seedOss,
  smollm3,
  starcoder2,
} from './families/llama';
import {
  ariaText,
  dbrx,
  ernieMoe,
  gptOss,
  graniteMoe,
  llama4,
  mellum,
  minimaxM2,
  mixtral,
  phimoe,
  qwen2Moe,
  qwen3Moe,
} from './families/moe';
import { exaone4, exaoneMoe, flexOlmo, olmo, olmo2, olmo3, olmoe } from './families/olmo';
import { apertus, persimmon, phi, stablelm } from './families/phi';
import { qwen2, qwen3 } from './families/qwen';
import type { FamilyDefinition } from './family';

const FAMILIES: readonly FamilyDefinition[] = [
  apertus,
  arcee,
  ariaText,
  axk1,
  bitnet,
  bloom,
  cohere,
  cwm,
  dbrx,
  deepseekV2,
  deepseekV3,
  dots1,
  ernie,
  ernieMoe,
  exaone4,
  exaoneMoe,
  falcon,
  flexOlmo,
  gemma,
  gemma2,
  gemma3,
  gemma4,
  glm,
  glm4Moe,
  glm4MoeLite,
  gpt2,
  gptJ,
  gptNeo,
  gptNeoX,
  gptOss,
  granite,
  graniteMoe,
  graniteSwa,
  helium,
  hunyuan,
  hyperclovax,
  jais2,
  llama,
  llama4,
  mellum,
  mimoV2,
  minicpm3,
  minimaxM2,
  ministral3,
  mistral,
  mixtral,
  mpt,
  nemotron,
  olmo,
  olmo2,
  olmo3,
  olmoe,
  opt,
  persimmon,
  phi,
  phi3,
  phimoe,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  seedOss,
  smollm3,
  solarOpen,
  stablelm,
  starcoder2,
  vaultgemma,
  xglm,
  youtu,
];

const BY_TYPE: ReadonlyMap<string, FamilyDefinition> = new Map(
  FAMILIES.flatMap((family) => family.modelTypes.map((type) => [type, family] as const)),
);

/** The description of a model type's forward pass; null when there is none (the cache can be estimated all the same). */
export function familyForward(modelType: string): FamilyDefinition | null {
  return BY_TYPE.get(modelType) ?? null;
}

/** All model types with a forward pass, for messages and documentation. */
export function forwardModelTypes(): readonly string[] {
  return [...BY_TYPE.keys()].sort();
}
