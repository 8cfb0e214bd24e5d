import type { EngineRule } from '../../model/scenario';
import type { EngineModel } from './engine';
import { intrinsic } from './intrinsic';
import { llamacpp } from './llamacpp';
import { sglang } from './sglang';
import { transformers } from './transformers';
import { trtllm } from './trtllm';
import { vllm } from './vllm';

const MODELS: Readonly<Record<EngineRule, EngineModel>> = { intrinsic, vllm, sglang, trtllm, llamacpp, transformers };

export function engineModel(engine: EngineRule): EngineModel {
  return MODELS[engine];
}
