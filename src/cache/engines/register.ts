import type { EngineRule } from '../../model/scenario';
import type { AllocationRule } from './allocationRule';
import { intrinsic } from './intrinsic';
import { llamacpp } from './llamacpp';
import { sglang } from './sglang';
import { transformers } from './transformers';
import { trtllm } from './trtllm';
import { vllm } from './vllm';

const MODELS: Readonly<Record<EngineRule, AllocationRule>> = {
  intrinsic,
  vllm,
  sglang,
  trtllm,
  llamacpp,
  transformers,
};

export function allocationRule(engine: EngineRule): AllocationRule {
  return MODELS[engine];
}
