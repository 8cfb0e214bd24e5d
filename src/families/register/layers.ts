// Made by `npm run generate` from the files of src/families: do not edit.

import { layers as apertus } from '../apertus';
import { layers as arcee } from '../arcee';
import { layers as aria } from '../aria';
import { layers as bailing } from '../bailing';
import { layers as bamba } from '../bamba';
import { layers as bart } from '../bart';
import { layers as bitnet } from '../bitnet';
import { layers as bloom } from '../bloom';
import { layers as cohere } from '../cohere';
import { layers as crossDecoders } from '../crossDecoders';
import { layers as dbrx } from '../dbrx';
import { layers as deepseek } from '../deepseek';
import { layers as deepseekSparse } from '../deepseekSparse';
import { layers as deepseekV4 } from '../deepseekV4';
import { layers as doge } from '../doge';
import { layers as dots } from '../dots';
import { layers as encoders } from '../encoders';
import { layers as ernie } from '../ernie';
import { layers as exaone } from '../exaone';
import { layers as falcon } from '../falcon';
import { layers as falconH1 } from '../falconH1';
import { layers as gemma } from '../gemma';
import { layers as gemma3n } from '../gemma3n';
import { layers as gemma4 } from '../gemma4';
import { layers as glm } from '../glm';
import { layers as gpt2 } from '../gpt2';
import { layers as gptNeo } from '../gptNeo';
import { layers as gptOss } from '../gptOss';
import { layers as granite } from '../granite';
import { layers as graniteHybrid } from '../graniteHybrid';
import { layers as grok } from '../grok';
import { layers as helium } from '../helium';
import { layers as hrm } from '../hrm';
import { layers as hunyuan } from '../hunyuan';
import { layers as hyperclovax } from '../hyperclovax';
import { layers as inkling } from '../inkling';
import { layers as internlm } from '../internlm';
import { layers as jais2 } from '../jais2';
import { layers as jamba } from '../jamba';
import { layers as jetmoe } from '../jetmoe';
import { layers as kimi } from '../kimi';
import { layers as laguna } from '../laguna';
import { layers as lfm2 } from '../lfm2';
import { layers as llama } from '../llama';
import { layers as llama4 } from '../llama4';
import { layers as longcat } from '../longcat';
import { layers as mamba } from '../mamba';
import { layers as mellum } from '../mellum';
import { layers as mimo } from '../mimo';
import { layers as minicpm } from '../minicpm';
import { layers as minimax } from '../minimax';
import { layers as mistral } from '../mistral';
import { layers as mllama } from '../mllama';
import { layers as modernbertDecoder } from '../modernbertDecoder';
import { layers as mpt } from '../mpt';
import { layers as nemotron } from '../nemotron';
import { layers as nemotronDense } from '../nemotronDense';
import { layers as olmo } from '../olmo';
import { layers as openelm } from '../openelm';
import { layers as opt } from '../opt';
import { layers as params } from '../params';
import { layers as persimmon } from '../persimmon';
import { layers as phi } from '../phi';
import { layers as plamo } from '../plamo';
import { layers as qwen } from '../qwen';
import { layers as qwenMoe } from '../qwenMoe';
import { layers as qwenNext } from '../qwenNext';
import { layers as recurrentGemma } from '../recurrentGemma';
import { layers as rwkv } from '../rwkv';
import { layers as seedOss } from '../seedOss';
import { layers as smollm } from '../smollm';
import { layers as solar } from '../solar';
import { layers as stablelm } from '../stablelm';
import { layers as starcoder } from '../starcoder';
import { layers as step } from '../step';
import { layers as t5 } from '../t5';
import { layers as whisper } from '../whisper';
import { layers as xlstm } from '../xlstm';
import { layers as zamba } from '../zamba';
import { layers as zaya } from '../zaya';
import type { LayersFacet } from '../facets';
import { register } from './register';

export const layersRegister = register<LayersFacet>(
  () => [
    apertus,
    arcee,
    aria,
    bailing,
    bamba,
    bart,
    bitnet,
    bloom,
    cohere,
    crossDecoders,
    dbrx,
    deepseek,
    deepseekSparse,
    deepseekV4,
    doge,
    dots,
    encoders,
    ernie,
    exaone,
    falcon,
    falconH1,
    gemma,
    gemma3n,
    gemma4,
    glm,
    gpt2,
    gptNeo,
    gptOss,
    granite,
    graniteHybrid,
    grok,
    helium,
    hrm,
    hunyuan,
    hyperclovax,
    inkling,
    internlm,
    jais2,
    jamba,
    jetmoe,
    kimi,
    laguna,
    lfm2,
    llama,
    llama4,
    longcat,
    mamba,
    mellum,
    mimo,
    minicpm,
    minimax,
    mistral,
    mllama,
    modernbertDecoder,
    mpt,
    nemotron,
    nemotronDense,
    olmo,
    openelm,
    opt,
    params,
    persimmon,
    phi,
    plamo,
    qwen,
    qwenMoe,
    qwenNext,
    recurrentGemma,
    rwkv,
    seedOss,
    smollm,
    solar,
    stablelm,
    starcoder,
    step,
    t5,
    whisper,
    xlstm,
    zamba,
    zaya,
  ],
  ({ modelTypes }) => modelTypes,
);
