/** The register of families: add one by writing a file in families/ and naming it here. See docs/families.md. */

import { classDefaultsOf } from './classDefaults';
import type { Family, FamilyReading } from './family';
import { afmoe } from './families/afmoe';
import { bailing } from './families/bailing';
import { chatglm } from './families/chatglm';
import { cohere2, cohere2Moe } from './families/cohere';
import { deepseekMla, longcat, mlaSparse } from './families/deepseek';
import { deepseekV4 } from './families/deepseekV4';
import { encoders } from './families/encoders';
import {
  audioDecoder,
  bartLike,
  CROSS_ROOTS,
  t5Gemma,
  t5Like,
  visionDecoder,
  whisperLike,
  withCross,
} from './families/encoderDecoder';
import { exaone } from './families/exaone';
import { falcon } from './families/falcon';
import { gemma, gemma2, gemma3, gemma3n, gemma4 } from './families/gemma';
import { gpt2, gptBigCode, gptNeo } from './families/gpt2';
import { gptOss } from './families/gptOss';
import { granite, graniteSwa } from './families/granite';
import { hunyuan } from './families/hunyuan';
import { inkling } from './families/inkling';
import { jamba, zamba, zamba2 } from './families/jamba';
import { jetmoe } from './families/jetmoe';
import { kimiLinear } from './families/kimi';
import { lfm2 } from './families/lfm2';
import { hrm } from './families/hrm';
import { dividedHeads, llama, listedLayers } from './families/llama';
import { llama4 } from './families/llama4';
import { mamba, mamba2, mamba2Hybrid } from './families/mamba';
import { mimoV2 } from './families/mimo';
import { minimax, minimaxM3 } from './families/minimax';
import { mistral, ministral } from './families/mistral';
import { mllama } from './families/mllama';
import { modernbertDecoder } from './families/modernbert';
import { mpt } from './families/mpt';
import { nemotronH, nemotronNas } from './families/nemotron';
import { olmo3, olmoHybrid } from './families/olmo';
import { openelm } from './families/openelm';
import { params } from './families/params';
import { phi, phi3Small, phiMsft } from './families/phi';
import { plamo } from './families/plamo';
import { qwen, qwen1, qwenMoe, qwenMoeEveryLayer } from './families/qwen';
import { qwen3Next } from './families/qwen3Next';
import { recurrentGemma } from './families/recurrentGemma';
import { rwkv, rwkv5 } from './families/rwkv';
import { smollm3 } from './families/smollm3';
import { step3, step3p5 } from './families/step';
import { xlstm } from './families/xlstm';
import { zaya } from './families/zaya';
import { genericDecoder } from './generic';
import type { Location } from './locate';
import { type ClassDefaults, type ConfigReader } from './reader';
import { noteTelltales } from './telltales';

export const FAMILIES: readonly Family[] = [
  llama,
  dividedHeads,
  listedLayers,
  hrm,
  mistral,
  ministral,
  qwen,
  qwen1,
  qwenMoe,
  qwenMoeEveryLayer,
  qwen3Next,
  gpt2,
  gptBigCode,
  gptNeo,
  falcon,
  mpt,
  gemma,
  gemma2,
  gemma3,
  gemma3n,
  gemma4,
  gptOss,
  cohere2,
  cohere2Moe,
  olmo3,
  olmoHybrid,
  exaone,
  granite,
  graniteSwa,
  smollm3,
  afmoe,
  llama4,
  mllama,
  chatglm,
  openelm,
  hunyuan,
  jetmoe,
  plamo,
  phi,
  phi3Small,
  phiMsft,
  step3,
  step3p5,
  mimoV2,
  modernbertDecoder,
  bailing,
  deepseekMla,
  mlaSparse,
  longcat,
  deepseekV4,
  kimiLinear,
  minimax,
  minimaxM3,
  inkling,
  zaya,
  mamba,
  mamba2,
  mamba2Hybrid,
  jamba,
  zamba,
  zamba2,
  nemotronH,
  nemotronNas,
  lfm2,
  rwkv,
  rwkv5,
  xlstm,
  recurrentGemma,
  t5Like,
  t5Gemma,
  bartLike,
  audioDecoder,
  whisperLike,
  visionDecoder,
  encoders,
  params,
];

const byModelType = new Map<string, Family>(
  FAMILIES.flatMap((family) => family.modelTypes.map((type) => [type, family] as const)),
);

export function familyOf(modelType: string): Family | null {
  return byModelType.get(modelType) ?? null;
}

/** Defaults of absent keys: the class's, with those that the family adds (remote code has no class in the table). */
export function defaultsOf(
  family: Family | null,
  modelType: string,
  location?: Pick<Location, 'rootModelType' | 'path'>,
): ClassDefaults | null {
  const own = family?.defaults?.[modelType];
  const table = classDefaultsOf(modelType, location?.rootModelType, (location?.path.length ?? 0) > 0);
  if (!own) return table;
  return { className: table?.className ?? `${modelType}'s configuration class`, values: { ...table?.values, ...own } };
}

const DRAFT_KEYS = [
  'num_nextn_predict_layers',
  'num_mtp_layers',
  'mtp_num_hidden_layers',
  'mtp_num_layers',
  'num_mtp_modules',
];

/** The layers of a config, by its family; layers of a family that was changed are marked as assumed. */
export function readLayers(
  family: Family | null,
  reader: ConfigReader,
  modelType: string,
  root: string,
): FamilyReading {
  if (!family) return genericDecoder(reader, modelType);
  const own = family.read(reader, modelType);
  const reading = CROSS_ROOTS.includes(root) ? { ...own, layers: withCross(reader, own.layers) } : own;
  const draftKey = DRAFT_KEYS.find((key) => reader.hasValue(key));
  const draftLayers = reading.draftLayers ?? (draftKey === undefined ? 0 : (reader.integer([draftKey], 0)?.value ?? 0));
  const changed = noteTelltales(reader, modelType);
  return { layers: changed ? assumed(reading.layers) : reading.layers, draftLayers };
}

/** Marks drafts as assumed, keeping one object per kind. */
function assumed(drafts: FamilyReading['layers']): FamilyReading['layers'] {
  const made = new Map(drafts.map((draft) => [draft, { ...draft, assumed: true }]));
  return drafts.map((draft) => made.get(draft) ?? draft);
}
