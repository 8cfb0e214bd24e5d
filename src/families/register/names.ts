// Made by `npm run generate` from the files of src/families: do not edit.

import { names as apertus } from '../apertus';
import { names as arcee } from '../arcee';
import { names as aria } from '../aria';
import { names as bitnet } from '../bitnet';
import { names as bloom } from '../bloom';
import { names as cohere } from '../cohere';
import { names as dbrx } from '../dbrx';
import { names as deepseek } from '../deepseek';
import { names as dots } from '../dots';
import { names as ernie } from '../ernie';
import { names as exaone } from '../exaone';
import { names as falcon } from '../falcon';
import { names as gemma } from '../gemma';
import { names as gemma4 } from '../gemma4';
import { names as glm } from '../glm';
import { names as gpt2 } from '../gpt2';
import { names as gptNeo } from '../gptNeo';
import { names as gptOss } from '../gptOss';
import { names as granite } from '../granite';
import { names as helium } from '../helium';
import { names as hunyuan } from '../hunyuan';
import { names as hyperclovax } from '../hyperclovax';
import { names as jais2 } from '../jais2';
import { names as llama } from '../llama';
import { names as llama4 } from '../llama4';
import { names as mellum } from '../mellum';
import { names as mimo } from '../mimo';
import { names as minimax } from '../minimax';
import { names as mistral } from '../mistral';
import { names as mpt } from '../mpt';
import { names as nemotronDense } from '../nemotronDense';
import { names as olmo } from '../olmo';
import { names as opt } from '../opt';
import { names as persimmon } from '../persimmon';
import { names as phi } from '../phi';
import { names as qwen } from '../qwen';
import { names as qwenMoe } from '../qwenMoe';
import { names as seedOss } from '../seedOss';
import { names as smollm } from '../smollm';
import { names as solar } from '../solar';
import { names as stablelm } from '../stablelm';
import { names as starcoder } from '../starcoder';
import type { NamesFacet } from '../facets';
import { register } from './register';

export const namesRegister = register<NamesFacet>(
  () => [
    apertus,
    arcee,
    aria,
    bitnet,
    bloom,
    cohere,
    dbrx,
    deepseek,
    dots,
    ernie,
    exaone,
    falcon,
    gemma,
    gemma4,
    glm,
    gpt2,
    gptNeo,
    gptOss,
    granite,
    helium,
    hunyuan,
    hyperclovax,
    jais2,
    llama,
    llama4,
    mellum,
    mimo,
    minimax,
    mistral,
    mpt,
    nemotronDense,
    olmo,
    opt,
    persimmon,
    phi,
    qwen,
    qwenMoe,
    seedOss,
    smollm,
    solar,
    stablelm,
    starcoder,
  ],
  ({ modelTypes }) => modelTypes,
);
