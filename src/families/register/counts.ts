// Made by `npm run generate` from the files of src/families: do not edit.

import { counts as arcee } from '../arcee';
import { counts as bailing } from '../bailing';
import { counts as bamba } from '../bamba';
import { counts as bart } from '../bart';
import { counts as cohere } from '../cohere';
import { counts as deepseek } from '../deepseek';
import { counts as deepseekSparse } from '../deepseekSparse';
import { counts as deepseekV4 } from '../deepseekV4';
import { counts as doge } from '../doge';
import { counts as encoders } from '../encoders';
import { counts as ernie } from '../ernie';
import { counts as exaone } from '../exaone';
import { counts as falconH1 } from '../falconH1';
import { counts as gemma3n } from '../gemma3n';
import { counts as gemma4 } from '../gemma4';
import { counts as glm } from '../glm';
import { counts as gpt2 } from '../gpt2';
import { counts as gptNeo } from '../gptNeo';
import { counts as granite } from '../granite';
import { counts as graniteHybrid } from '../graniteHybrid';
import { counts as grok } from '../grok';
import { counts as helium } from '../helium';
import { counts as hrm } from '../hrm';
import { counts as hunyuan } from '../hunyuan';
import { counts as inkling } from '../inkling';
import { counts as internlm } from '../internlm';
import { counts as jamba } from '../jamba';
import { counts as jetmoe } from '../jetmoe';
import { counts as kimi } from '../kimi';
import { counts as laguna } from '../laguna';
import { counts as lfm2 } from '../lfm2';
import { counts as llama } from '../llama';
import { counts as longcat } from '../longcat';
import { counts as mamba } from '../mamba';
import { counts as mimo } from '../mimo';
import { counts as minicpm } from '../minicpm';
import { counts as minimax } from '../minimax';
import { counts as mistral } from '../mistral';
import { counts as mllama } from '../mllama';
import { counts as modernbertDecoder } from '../modernbertDecoder';
import { counts as nemotron } from '../nemotron';
import { counts as olmo } from '../olmo';
import { counts as openelm } from '../openelm';
import { counts as opt } from '../opt';
import { counts as params } from '../params';
import { counts as phi } from '../phi';
import { counts as plamo } from '../plamo';
import { counts as qwen } from '../qwen';
import { counts as qwenMoe } from '../qwenMoe';
import { counts as qwenNext } from '../qwenNext';
import { counts as recurrentGemma } from '../recurrentGemma';
import { counts as rwkv } from '../rwkv';
import { counts as step } from '../step';
import { counts as t5 } from '../t5';
import { counts as whisper } from '../whisper';
import { counts as xlstm } from '../xlstm';
import { counts as zamba } from '../zamba';
import { counts as zaya } from '../zaya';
import type { CountsFacet } from '../counted/facet';
import { register } from './register';

export const countsRegister = register<CountsFacet>(
  () => [
    arcee,
    bailing,
    bamba,
    bart,
    cohere,
    deepseek,
    deepseekSparse,
    deepseekV4,
    doge,
    encoders,
    ernie,
    exaone,
    falconH1,
    gemma3n,
    gemma4,
    glm,
    gpt2,
    gptNeo,
    granite,
    graniteHybrid,
    grok,
    helium,
    hrm,
    hunyuan,
    inkling,
    internlm,
    jamba,
    jetmoe,
    kimi,
    laguna,
    lfm2,
    llama,
    longcat,
    mamba,
    mimo,
    minicpm,
    minimax,
    mistral,
    mllama,
    modernbertDecoder,
    nemotron,
    olmo,
    openelm,
    opt,
    params,
    phi,
    plamo,
    qwen,
    qwenMoe,
    qwenNext,
    recurrentGemma,
    rwkv,
    step,
    t5,
    whisper,
    xlstm,
    zamba,
    zaya,
  ],
  ({ modelTypes }) => modelTypes,
);
