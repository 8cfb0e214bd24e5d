// Made by `npm run generate` from the files of src/families: do not edit.

import { gguf as apertus } from '../apertus';
import { gguf as arcee } from '../arcee';
import { gguf as bitnet } from '../bitnet';
import { gguf as bloom } from '../bloom';
import { gguf as cohere } from '../cohere';
import { gguf as dbrx } from '../dbrx';
import { gguf as deepseek } from '../deepseek';
import { gguf as dots } from '../dots';
import { gguf as encoders } from '../encoders';
import { gguf as ernie } from '../ernie';
import { gguf as exaone } from '../exaone';
import { gguf as falcon } from '../falcon';
import { gguf as falconH1 } from '../falconH1';
import { gguf as gemma } from '../gemma';
import { gguf as gemma3n } from '../gemma3n';
import { gguf as gemma4 } from '../gemma4';
import { gguf as glm } from '../glm';
import { gguf as gpt2 } from '../gpt2';
import { gguf as gptNeo } from '../gptNeo';
import { gguf as gptOss } from '../gptOss';
import { gguf as granite } from '../granite';
import { gguf as graniteHybrid } from '../graniteHybrid';
import { gguf as grok } from '../grok';
import { gguf as hunyuan } from '../hunyuan';
import { gguf as internlm } from '../internlm';
import { gguf as jais2 } from '../jais2';
import { gguf as jamba } from '../jamba';
import { gguf as lfm2 } from '../lfm2';
import { gguf as llama } from '../llama';
import { gguf as llama4 } from '../llama4';
import { gguf as mamba } from '../mamba';
import { gguf as mimo } from '../mimo';
import { gguf as minicpm } from '../minicpm';
import { gguf as minimax } from '../minimax';
import { gguf as mistral } from '../mistral';
import { gguf as mpt } from '../mpt';
import { gguf as nemotron } from '../nemotron';
import { gguf as nemotronDense } from '../nemotronDense';
import { gguf as olmo } from '../olmo';
import { gguf as openelm } from '../openelm';
import { gguf as phi } from '../phi';
import { gguf as plamo } from '../plamo';
import { gguf as qwen } from '../qwen';
import { gguf as qwenMoe } from '../qwenMoe';
import { gguf as qwenNext } from '../qwenNext';
import { gguf as rwkv } from '../rwkv';
import { gguf as seedOss } from '../seedOss';
import { gguf as smollm } from '../smollm';
import { gguf as stablelm } from '../stablelm';
import { gguf as starcoder } from '../starcoder';
import { gguf as t5 } from '../t5';
import type { GgufFacet } from '../kit/gguf';
import { register } from './register';

export const ggufRegister = register<GgufFacet>(
  () => [
    apertus,
    arcee,
    bitnet,
    bloom,
    cohere,
    dbrx,
    deepseek,
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
    hunyuan,
    internlm,
    jais2,
    jamba,
    lfm2,
    llama,
    llama4,
    mamba,
    mimo,
    minicpm,
    minimax,
    mistral,
    mpt,
    nemotron,
    nemotronDense,
    olmo,
    openelm,
    phi,
    plamo,
    qwen,
    qwenMoe,
    qwenNext,
    rwkv,
    seedOss,
    smollm,
    stablelm,
    starcoder,
    t5,
  ],
  ({ architecture }) => [architecture],
);
