// Made by `npm run generate` from the files of src/families: do not edit.

import { blocks as apertus } from '../apertus';
import { blocks as arcee } from '../arcee';
import { blocks as aria } from '../aria';
import { blocks as bitnet } from '../bitnet';
import { blocks as bloom } from '../bloom';
import { blocks as cohere } from '../cohere';
import { blocks as dbrx } from '../dbrx';
import { blocks as deepseek } from '../deepseek';
import { blocks as dots } from '../dots';
import { blocks as ernie } from '../ernie';
import { blocks as exaone } from '../exaone';
import { blocks as falcon } from '../falcon';
import { blocks as gemma } from '../gemma';
import { blocks as gemma4 } from '../gemma4';
import { blocks as glm } from '../glm';
import { blocks as gpt2 } from '../gpt2';
import { blocks as gptNeo } from '../gptNeo';
import { blocks as gptOss } from '../gptOss';
import { blocks as granite } from '../granite';
import { blocks as helium } from '../helium';
import { blocks as hunyuan } from '../hunyuan';
import { blocks as hyperclovax } from '../hyperclovax';
import { blocks as jais2 } from '../jais2';
import { blocks as llama } from '../llama';
import { blocks as llama4 } from '../llama4';
import { blocks as mellum } from '../mellum';
import { blocks as mimo } from '../mimo';
import { blocks as minimax } from '../minimax';
import { blocks as mistral } from '../mistral';
import { blocks as mpt } from '../mpt';
import { blocks as nemotronDense } from '../nemotronDense';
import { blocks as olmo } from '../olmo';
import { blocks as opt } from '../opt';
import { blocks as persimmon } from '../persimmon';
import { blocks as phi } from '../phi';
import { blocks as qwen } from '../qwen';
import { blocks as qwenMoe } from '../qwenMoe';
import { blocks as seedOss } from '../seedOss';
import { blocks as smollm } from '../smollm';
import { blocks as solar } from '../solar';
import { blocks as stablelm } from '../stablelm';
import { blocks as starcoder } from '../starcoder';
import type { BlocksFacet } from '../facets';
import { register } from './register';

export const blocksRegister = register<BlocksFacet>(
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
