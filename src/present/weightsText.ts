/** A weight file's headers as a Markdown document: what is in it, and what the model that it holds caches. */

import { planCache } from '../cache/plan';
import { readModelConfig, type ReadOptions } from '../reading/read';
import type { Scenario } from '../model/scenario';
import { formatSize, formatBytes, formatInteger, formatRanges } from '../model/units';
import { fitModel } from '../serving/fit';
import { deviceOf } from '../serving/hardware';
import type { WeightFacts } from '../shared/weightEditorContract';
import type { WeightsSummary } from '../shared/weightsContract';
import { fitLine } from './fitText';
import { codeSpan, documentOf, heading, joined, list, type Markdown, md, sentenceText, table } from './markdown';
import { markText } from './headPartText';
import { formatCount } from './quantities';
import { beyondText, notKnownText, scopedText } from './sizeText';
import { contextText, designText, factorsText, termTitle } from './words';

const MOST_TERMS = 8;
/** Lines of tables that a person reads. */
const MOST_MODULES = 20;
const MOST_KEYS = 100;
const MOST_MISMATCHES = 10;

/** `name`: the file's. Everything that comes from the file is escaped. */
export function weightsMarkdown(
  name: string,
  summary: WeightsSummary,
  scenario: Scenario,
  gpu: string,
  options: ReadOptions = {},
): Markdown {
  const { format, files, tensors, elements, weights, types, modules, largest, metadata } = summary;
  const bits = elements > 0 ? ((weights.bytes * 8) / elements).toFixed(2) : '–';
  return documentOf([
    heading(1, name),
    md`${format === 'gguf' ? 'GGUF' : 'Safetensors'}, ${files === 1 ? 'one file' : `${files} files`}: ${formatInteger(tensors)} tensors, **${formatCount(elements)} weights in ${formatBytes(weights.bytes)}**, ${bits} bits per weight on average. Read from the headers only.`,
    cacheText(summary, scenario, gpu, options),
    ...headsText(summary),
    heading(2, 'Element types'),
    table(
      ['type', 'tensors', 'weights', 'size', 'share'],
      types.map((type) => [
        codeSpan(type.name),
        formatInteger(type.tensors),
        formatCount(type.elements),
        formatSize(type.bytes),
        shareText(type.bytes, weights.bytes),
      ]),
      ['left', 'right', 'right', 'right', 'right'],
    ),
    ...(weights.expertBytes > 0
      ? [md`${formatBytes(weights.expertBytes)} of them are in routed experts, of which each token uses a few.`]
      : []),
    heading(2, 'Largest tensors'),
    table(
      ['tensor', 'type', 'shape', 'size'],
      largest.map((tensor) => [
        codeSpan(tensor.name),
        codeSpan(tensor.dtype),
        tensor.shape.join(' × '),
        formatSize(tensor.bytes),
      ]),
      ['left', 'left', 'right', 'right'],
    ),
    heading(2, 'Modules'),
    table(
      ['module', 'tensors', 'weights', 'size', 'share'],
      modules
        .slice(0, MOST_MODULES)
        .map((module) => [
          codeSpan(module.name),
          formatInteger(module.tensors),
          formatCount(module.elements),
          formatSize(module.bytes),
          shareText(module.bytes, weights.bytes),
        ]),
      ['left', 'right', 'right', 'right', 'right'],
    ),
    ...(modules.length > MOST_MODULES ? [md`And ${formatInteger(modules.length - MOST_MODULES)} smaller ones.`] : []),
    ...(metadata.length > 0
      ? [
          heading(2, 'Metadata'),
          table(
            ['key', 'value'],
            metadata
              .slice(0, MOST_KEYS)
              .map(({ key, text, count }) => [
                codeSpan(key),
                count === null ? text : `${formatInteger(count)} values: ${text}`,
              ]),
          ),
          ...(metadata.length > MOST_KEYS ? [md`And ${formatInteger(metadata.length - MOST_KEYS)} more keys.`] : []),
        ]
      : []),
  ]);
}

/** The same for a page, in plain sentences. */
export function weightFacts(
  { config, format }: Pick<WeightsSummary, 'config' | 'format'>,
  scenario: Scenario,
  options: ReadOptions = {},
): WeightFacts {
  const reading = config && readModelConfig(config.text, options);
  if (!config || !reading)
    return {
      modelType: null,
      design: format === 'gguf' ? NO_MODEL : config === null ? NO_CONFIG : NO_MODEL_CONFIG,
      from: null,
      perToken: null,
      cache: null,
      notes: [],
    };
  const plan = planCache(reading.spec, scenario);
  return {
    modelType: reading.spec.modelType,
    design: designText(plan.spec),
    from: config.from === 'metadata' ? "the file's metadata" : 'the config.json beside it',
    perToken: plan.known ? plan.bytesPerToken : null,
    cache: plan.known
      ? `${scopedText(plan, 'totalBytes', formatBytes)} at ${contextText(plan)}${beyondText(plan)}`
      : null,
    notes: [
      ...(plan.known ? [] : [notKnownText(plan)]),
      ...plan.notes
        .filter(({ inexact }) => inexact)
        .slice(0, MOST_TERMS)
        .map(({ text }) => text),
    ],
  };
}

const NO_MODEL = 'The metadata does not describe a model that Headlight knows: nothing can be said about its cache.';
const NO_CONFIG =
  'There is no config.json beside it: types, shapes and sizes are known, its heads and its cache are not.';
const NO_MODEL_CONFIG =
  'The config.json beside it is not a model config: nothing can be said about its heads and its cache.';

/** Which tensors are whose, and what does not fit; nothing where it is not known which model it is. */
function headsText({ config, attention, unmarked, mismatches, mismatchCount }: WeightsSummary): readonly Markdown[] {
  if (!config) return [];
  const more = mismatchCount - Math.min(mismatchCount, MOST_MISMATCHES);
  return [
    ...(attention.length === 0
      ? []
      : [
          heading(2, 'Attention tensors'),
          table(
            ['tensor', 'layers'],
            attention.slice(0, MOST_MODULES).map(({ parts, layers }) => [markText(parts), formatRanges(layers)]),
          ),
        ]),
    ...(unmarked === null ? [] : [md`Heads are not marked. ${unmarked}`]),
    ...(mismatchCount === 0
      ? []
      : [
          md`**${mismatchCount === 1 ? 'One tensor does' : `${formatInteger(mismatchCount)} tensors do`} not fit the config:**`,
          list(mismatches.slice(0, MOST_MISMATCHES)),
          ...(more > 0 ? [md`And ${formatInteger(more)} more.`] : []),
        ]),
  ];
}

function shareText(bytes: number, all: number): string {
  return `${((bytes / Math.max(1, all)) * 100).toFixed(1)} %`;
}

function cacheText(
  { config, weights, format }: WeightsSummary,
  scenario: Scenario,
  gpu: string,
  options: ReadOptions,
): Markdown {
  const reading = config && readModelConfig(config.text, options);
  if (!config || !reading) {
    return format === 'gguf'
      ? md`The metadata does not describe a model that Headlight knows: nothing can be said about its cache.`
      : md`There is no config.json beside it that could be read: nothing can be said about its cache.`;
  }
  const plan = planCache(reading.spec, scenario);
  const device = deviceOf(gpu);
  const fit = device && fitModel({ reading, device, scenario, weights });
  const terms = plan.derivation.slice(0, MOST_TERMS);
  return joined(
    [
      heading(2, 'KV cache'),
      md`**${designText(plan.spec)}**, from ${config.from === 'metadata' ? "the file's metadata" : 'the config.json beside it'}.`,
      plan.known
        ? md`**${formatInteger(plan.bytesPerToken)} B/token** (${formatSize(plan.bytesPerToken)})${beyondText(plan)} · **${scopedText(plan, 'totalBytes', formatBytes)}** at ${contextText(plan)}`
        : joined(
            [
              ...(plan.atLeast.totalBytes > 0
                ? [md`**${scopedText(plan, 'totalBytes', formatBytes)}** at ${contextText(plan)}.`]
                : []),
              md`${sentenceText(notKnownText(plan))}.`,
            ],
            ' ',
          ),
      list(
        terms.map(
          (term) =>
            md`${termTitle(term)}: ${codeSpan(`${factorsText(term.factors)} = ${formatInteger(term.bytesPerEntry)} B`, 300)} × ${term.entriesRule}`,
        ),
      ),
      ...(fit ? [md`On ${fit.device.name}, with these weights: **${fitLine(fit)}**.`] : []),
      ...(plan.exact
        ? []
        : [
            md`Not exact:`,
            list(
              plan.notes
                .filter(({ inexact }) => inexact)
                .slice(0, 5)
                .map(({ text }) => text),
            ),
          ]),
    ],
    '\n\n',
  );
}
