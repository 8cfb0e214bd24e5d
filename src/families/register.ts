// Made by `npm run generate` from the files of this folder: do not edit.

import * as apertus from './apertus';
import * as arcee from './arcee';
import * as arctic from './arctic';
import * as aria from './aria';
import * as baichuanM1 from './baichuanM1';
import * as bailing from './bailing';
import * as bamba from './bamba';
import * as bart from './bart';
import * as bitnet from './bitnet';
import * as bloom from './bloom';
import * as cohere from './cohere';
import * as crossDecoders from './crossDecoders';
import * as dbrx from './dbrx';
import * as deepseek from './deepseek';
import * as deepseekSparse from './deepseekSparse';
import * as deepseekV4 from './deepseekV4';
import * as deepseekV41 from './deepseekV41';
import * as doge from './doge';
import * as dots from './dots';
import * as drafters from './drafters';
import * as encoders from './encoders';
import * as ernie from './ernie';
import * as exaone from './exaone';
import * as falcon from './falcon';
import * as falconH1 from './falconH1';
import * as fla from './fla';
import * as gemma from './gemma';
import * as gemma3n from './gemma3n';
import * as gemma4 from './gemma4';
import * as ggufOnly from './ggufOnly';
import * as gigachat from './gigachat';
import * as glm from './glm';
import * as glmNext from './glmNext';
import * as gpt2 from './gpt2';
import * as gptNeo from './gptNeo';
import * as gptOss from './gptOss';
import * as granite from './granite';
import * as graniteHybrid from './graniteHybrid';
import * as grok from './grok';
import * as helium from './helium';
import * as hrm from './hrm';
import * as hunyuan from './hunyuan';
import * as hyperclovax from './hyperclovax';
import * as inkling from './inkling';
import * as internlm from './internlm';
import * as jais2 from './jais2';
import * as jamba from './jamba';
import * as jetmoe from './jetmoe';
import * as k2Horizon from './k2Horizon';
import * as kimi from './kimi';
import * as laguna from './laguna';
import * as laterLayers from './laterLayers';
import * as lfm2 from './lfm2';
import * as llama from './llama';
import * as llama4 from './llama4';
import * as longcat from './longcat';
import * as looped from './looped';
import * as mamba from './mamba';
import * as mellum from './mellum';
import * as mimo from './mimo';
import * as minicpm from './minicpm';
import * as minimax from './minimax';
import * as mistral from './mistral';
import * as mllama from './mllama';
import * as modernbertDecoder from './modernbertDecoder';
import * as mpt from './mpt';
import * as nemotron from './nemotron';
import * as nemotronDense from './nemotronDense';
import * as noText from './noText';
import * as olmo from './olmo';
import * as openelm from './openelm';
import * as opt from './opt';
import * as params from './params';
import * as persimmon from './persimmon';
import * as phi from './phi';
import * as plamo from './plamo';
import * as plamo3 from './plamo3';
import * as qwen from './qwen';
import * as qwenMoe from './qwenMoe';
import * as qwenNext from './qwenNext';
import * as recurrentGemma from './recurrentGemma';
import * as refused from './refused';
import * as rwkv from './rwkv';
import * as seedOss from './seedOss';
import * as singles from './singles';
import * as smallthinker from './smallthinker';
import * as smollm from './smollm';
import * as solar from './solar';
import * as stablelm from './stablelm';
import * as starcoder from './starcoder';
import * as step from './step';
import * as t5 from './t5';
import * as whisper from './whisper';
import * as xlstm from './xlstm';
import * as yuan from './yuan';
import * as zamba from './zamba';
import * as zaya from './zaya';
import type { ArrangementsFacet, BlocksFacet, CountsFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';
import { register } from './kit/makeRegister';

export const layersRegister = /* @__PURE__ */ register<LayersFacet>(
  () => [
    apertus.layers, arcee.layers, arctic.layers, aria.layers, baichuanM1.layers, bailing.layers, bamba.layers,
    bart.layers, bitnet.layers, bloom.layers, cohere.layers, crossDecoders.layers, dbrx.layers, deepseek.layers,
    deepseekSparse.layers, deepseekV4.layers, deepseekV41.layers, doge.layers, dots.layers, drafters.layers,
    encoders.layers, ernie.layers, exaone.layers, falcon.layers, falconH1.layers, fla.layers, gemma.layers,
    gemma3n.layers, gemma4.layers, ggufOnly.layers, gigachat.layers, glm.layers, glmNext.layers, gpt2.layers,
    gptNeo.layers, gptOss.layers, granite.layers, graniteHybrid.layers, grok.layers, helium.layers, hrm.layers,
    hunyuan.layers, hyperclovax.layers, inkling.layers, internlm.layers, jais2.layers, jamba.layers, jetmoe.layers,
    k2Horizon.layers, kimi.layers, laguna.layers, laterLayers.layers, lfm2.layers, llama.layers, llama4.layers,
    longcat.layers, looped.layers, mamba.layers, mellum.layers, mimo.layers, minicpm.layers, minimax.layers,
    mistral.layers, mllama.layers, modernbertDecoder.layers, mpt.layers, nemotron.layers, nemotronDense.layers,
    noText.layers, olmo.layers, openelm.layers, opt.layers, params.layers, persimmon.layers, phi.layers,
    plamo.layers, plamo3.layers, qwen.layers, qwenMoe.layers, qwenNext.layers, recurrentGemma.layers,
    refused.layers, rwkv.layers, seedOss.layers, singles.layers, smallthinker.layers, smollm.layers, solar.layers,
    stablelm.layers, starcoder.layers, step.layers, t5.layers, whisper.layers, xlstm.layers, yuan.layers,
    zamba.layers, zaya.layers,
  ],
  (facet) => facet.modelTypes,
);

export const blocksRegister = /* @__PURE__ */ register<BlocksFacet>(
  () => [
    apertus.blocks, arcee.blocks, aria.blocks, bitnet.blocks, bloom.blocks, cohere.blocks, dbrx.blocks,
    deepseek.blocks, dots.blocks, ernie.blocks, exaone.blocks, falcon.blocks, gemma.blocks, gemma4.blocks,
    glm.blocks, gpt2.blocks, gptNeo.blocks, gptOss.blocks, granite.blocks, helium.blocks, hunyuan.blocks,
    hyperclovax.blocks, jais2.blocks, llama.blocks, llama4.blocks, mellum.blocks, mimo.blocks, minimax.blocks,
    mistral.blocks, mpt.blocks, nemotronDense.blocks, olmo.blocks, opt.blocks, persimmon.blocks, phi.blocks,
    qwen.blocks, qwenMoe.blocks, seedOss.blocks, smollm.blocks, solar.blocks, stablelm.blocks, starcoder.blocks,
  ],
  (facet) => facet.modelTypes,
);

export const namesRegister = /* @__PURE__ */ register<NamesFacet>(
  () => [
    apertus.names, arcee.names, aria.names, bitnet.names, bloom.names, cohere.names, dbrx.names, deepseek.names,
    dots.names, ernie.names, exaone.names, falcon.names, gemma.names, gemma4.names, glm.names, gpt2.names,
    gptNeo.names, gptOss.names, granite.names, helium.names, hunyuan.names, hyperclovax.names, jais2.names,
    llama.names, llama4.names, mellum.names, mimo.names, minimax.names, mistral.names, mpt.names,
    nemotronDense.names, olmo.names, opt.names, persimmon.names, phi.names, qwen.names, qwenMoe.names,
    seedOss.names, smollm.names, solar.names, stablelm.names, starcoder.names,
  ],
  (facet) => facet.modelTypes,
);

export const countsRegister = /* @__PURE__ */ register<CountsFacet>(
  () => [
    arcee.counts, bailing.counts, bamba.counts, bart.counts, cohere.counts, deepseek.counts, deepseekSparse.counts,
    deepseekV4.counts, doge.counts, encoders.counts, ernie.counts, exaone.counts, falconH1.counts, gemma3n.counts,
    gemma4.counts, glm.counts, gpt2.counts, gptNeo.counts, granite.counts, graniteHybrid.counts, grok.counts,
    helium.counts, hrm.counts, hunyuan.counts, inkling.counts, internlm.counts, jamba.counts, jetmoe.counts,
    kimi.counts, laguna.counts, lfm2.counts, llama.counts, longcat.counts, mamba.counts, mimo.counts,
    minicpm.counts, minimax.counts, mistral.counts, mllama.counts, modernbertDecoder.counts, nemotron.counts,
    olmo.counts, openelm.counts, opt.counts, params.counts, phi.counts, plamo.counts, qwen.counts, qwenMoe.counts,
    qwenNext.counts, recurrentGemma.counts, rwkv.counts, step.counts, t5.counts, whisper.counts, xlstm.counts,
    zamba.counts, zaya.counts,
  ],
  (facet) => facet.modelTypes,
);

export const arrangementsRegister = /* @__PURE__ */ register<ArrangementsFacet>(
  () => [
    arcee.arrangements, bailing.arrangements, bamba.arrangements, bart.arrangements, cohere.arrangements,
    deepseek.arrangements, deepseekSparse.arrangements, deepseekV4.arrangements, doge.arrangements,
    encoders.arrangements, ernie.arrangements, exaone.arrangements, falconH1.arrangements, gemma3n.arrangements,
    gemma4.arrangements, glm.arrangements, gpt2.arrangements, gptNeo.arrangements, granite.arrangements,
    graniteHybrid.arrangements, helium.arrangements, hrm.arrangements, hunyuan.arrangements, internlm.arrangements,
    jamba.arrangements, kimi.arrangements, laguna.arrangements, lfm2.arrangements, llama.arrangements,
    mamba.arrangements, mimo.arrangements, minicpm.arrangements, minimax.arrangements, mllama.arrangements,
    nemotron.arrangements, olmo.arrangements, openelm.arrangements, params.arrangements, phi.arrangements,
    plamo.arrangements, qwen.arrangements, qwenMoe.arrangements, qwenNext.arrangements,
    recurrentGemma.arrangements, rwkv.arrangements, step.arrangements, t5.arrangements, whisper.arrangements,
  ],
  (facet) => facet.modelTypes,
);

export const ggufRegister = /* @__PURE__ */ register<GgufFacet>(
  () => [
    apertus.gguf, arcee.gguf, bailing.gguf, bitnet.gguf, bloom.gguf, cohere.gguf, dbrx.gguf, deepseek.gguf,
    deepseekSparse.gguf, deepseekV4.gguf, dots.gguf, encoders.gguf, ernie.gguf, exaone.gguf, falcon.gguf,
    falconH1.gguf, gemma.gguf, gemma3n.gguf, gemma4.gguf, ggufOnly.gguf, glm.gguf, gpt2.gguf, gptNeo.gguf,
    gptOss.gguf, granite.gguf, graniteHybrid.gguf, grok.gguf, hrm.gguf, hunyuan.gguf, internlm.gguf, jais2.gguf,
    jamba.gguf, kimi.gguf, lfm2.gguf, llama.gguf, llama4.gguf, looped.gguf, mamba.gguf, mellum.gguf, mimo.gguf,
    minicpm.gguf, minimax.gguf, mistral.gguf, mpt.gguf, nemotron.gguf, nemotronDense.gguf, olmo.gguf, openelm.gguf,
    phi.gguf, plamo.gguf, qwen.gguf, qwenMoe.gguf, qwenNext.gguf, rwkv.gguf, seedOss.gguf, smallthinker.gguf,
    smollm.gguf, stablelm.gguf, starcoder.gguf, step.gguf, t5.gguf,
  ],
  (facet) => [facet.architecture],
);
