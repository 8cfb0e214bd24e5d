/** Configs that nobody published: reference models with their numbers, names and lists changed, from this run's seed. */

import fc from 'fast-check';
import { referenceConfig, referenceNames } from '../../support/reference';

const NUMBERS = fc.constantFrom(1, 2, 3, 5, 7, 64, 128, 1000, 4096, 65_536);
const HEADS = fc.constantFrom(1, 2, 7, 48, 128);
const LAYERS = fc.constantFrom(1, 2, 7, 118, 1000);
const LABELS = fc.constantFrom('full_attention', 'sliding_attention', 'a mixer that nobody knows'.repeat(3));
const NAMES = fc.string({ minLength: 0, maxLength: 300, unit: 'grapheme' });

type Config = Record<string, unknown>;

const change: fc.Arbitrary<(config: Config) => void> = fc.oneof(
  HEADS.map((heads) => (config: Config) => {
    config['num_attention_heads'] = heads;
    config['num_key_value_heads'] = heads % 2 === 0 ? heads / 2 : 1;
  }),
  LAYERS.map((layers) => (config: Config) => {
    config['num_hidden_layers'] = layers;
    delete config['layer_types'];
  }),
  fc.array(LABELS, { minLength: 1, maxLength: 200 }).map((labels) => (config: Config) => {
    config['layer_types'] = labels;
    config['num_hidden_layers'] = labels.length;
  }),
  fc.tuple(fc.nat(40), NUMBERS).map(([place, number]) => (config: Config) => {
    const numbers = Object.keys(config).filter((key) => typeof config[key] === 'number');
    const key = numbers[place % Math.max(1, numbers.length)];
    if (key !== undefined) config[key] = number;
  }),
  fc.constant((config: Config) => {
    config['model_type'] = 'nobody-knows-this-model-type-and-it-has-no-space-to-break-at'.repeat(2);
  }),
);

const configs = fc
  .tuple(fc.constantFrom(...referenceNames()), fc.array(change, { minLength: 1, maxLength: 4 }), NAMES)
  .map(([model, changes, name]) => {
    const config = JSON.parse(referenceConfig(model)) as Config;
    for (const apply of changes) apply(config);
    return { name, text: JSON.stringify(config) };
  });

export function randomConfigs(count: number): readonly { readonly name: string; readonly text: string }[] {
  return fc.sample(configs, { numRuns: count, seed: Number(process.env['HEADLIGHT_SEED']) });
}
