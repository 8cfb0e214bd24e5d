/** What package.json says of engines, their releases and options: from the rules' declarations, so that it is said once. */

import { type Declared, type EngineOption, type OptionKind, usualRelease } from '../../src/cache/engines/options';
import { allocationRule } from '../../src/cache/engines/register';
import { ENGINE_NAMES, ENGINES } from '../../src/model/scenario';
import { aboutOption } from '../../src/present/optionText';
import { releaseText } from '../../src/present/words';

/** A release as the setting names it, and as people read it. */
interface Choice {
  readonly value: string;
  readonly label: string;
  readonly about: string;
}

/** Each engine at its usual release, whichever that is, and at each release by name. */
function choices(): readonly Choice[] {
  return ENGINES.flatMap((engine): Choice[] => {
    const usual = { value: engine, label: ENGINE_NAMES[engine], about: `%setting.scenario.engine.${engine}%` };
    if (engine === 'intrinsic') return [usual];
    const releases = [...allocationRule(engine).releases].reverse();
    return [
      usual,
      ...releases.map((release) => ({
        value: `${engine}@${release.id}`,
        label: releaseText(engine, release),
        about: `${ENGINE_NAMES[engine]} from ${release.date} on: ${release.code}`,
      })),
    ];
  });
}

/** Values of `headlight.scenario.engine`. */
export function engineEnum(): Readonly<Record<'enum' | 'enumItemLabels' | 'enumDescriptions', readonly string[]>> {
  const all = choices();
  return {
    enum: all.map(({ value }) => value),
    enumItemLabels: all.map(({ label }) => label),
    enumDescriptions: all.map(({ about }) => about),
  };
}

/** Schema of `headlight.scenario.engineOptions`: of each engine that has options, these by its own names. */
export function engineOptionsSchema(): Readonly<Record<string, object>> {
  return Object.fromEntries(
    ENGINES.map(allocationRule)
      .filter(({ options }) => options.length > 0)
      .map((rule) => [
        rule.id,
        {
          type: 'object',
          description: `${ENGINE_NAMES[rule.id]} options, by the names that the engine gives them.`,
          additionalProperties: false,
          properties: Object.fromEntries(rule.options.map((option) => [option.name, optionSchema(rule, option)])),
        },
      ]),
  );
}

function optionSchema(rule: Declared, option: EngineOption): object {
  const usual = option.usual(usualRelease(rule));
  return {
    ...valueSchema(option.kind),
    ...(usual === undefined ? {} : { default: usual }),
    description: aboutOption(rule, option),
  };
}

function valueSchema(kind: OptionKind): object {
  switch (kind.takes) {
    case 'count':
      return { type: 'integer', minimum: kind.least };
    case 'fraction':
      return { type: 'number', exclusiveMinimum: 0, maximum: 1 };
    case 'flag':
      return { type: 'boolean' };
    case 'counts':
      return { type: 'array', minItems: 1, items: { type: 'integer', minimum: 1 } };
    case 'word':
      return { type: 'string', enum: kind.words };
  }
}

/** What of the manifest names engines. */
interface Manifest {
  readonly contributes: {
    readonly configuration: readonly { readonly properties: Record<string, Record<string, unknown>> }[];
    readonly languageModelTools: readonly {
      readonly inputSchema: { readonly properties: Record<string, Record<string, unknown>> };
    }[];
  };
}

const ENGINE = 'headlight.scenario.engine';
const OPTIONS = 'headlight.scenario.engineOptions';

/** Puts them into the manifest, where they stand already. @throws Error where they do not. */
export function writeEngines({ contributes }: Manifest): void {
  const settings = contributes.configuration.map(({ properties }) => properties).find((some) => ENGINE in some);
  const [engine, options] = [settings?.[ENGINE], settings?.[OPTIONS]];
  if (!engine || !options) throw new Error(`package.json has no ${ENGINE} beside ${OPTIONS}`);
  Object.assign(engine, engineEnum());
  options['properties'] = engineOptionsSchema();
  for (const { inputSchema } of contributes.languageModelTools) {
    const property = inputSchema.properties['engine'];
    if (property) property['enum'] = engineEnum().enum;
  }
}
