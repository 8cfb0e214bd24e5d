/** `compare`: configs against each other, and one config as MHA, GQA, MQA and MLA. */

import { setupOf } from '../cache/engines/options';
import { allocationRule } from '../cache/engines/register';
import { parseVariant, type VariantRequest } from '../cache/variants';
import { comparisonDocument, comparisonText } from '../present/comparisonText';
import { json } from '../present/terminal';
import { knownPart } from '../present/sizeText';
import { type ComparedModel, compareDesigns, type Comparison } from '../serving/comparison';
import type { Device } from '../serving/device';
import { deviceOf, DEVICES } from '../serving/hardware';
import { parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { InputError, UsageError } from './errors';
import { modelName, PAGE_OPTION, pageFile, writePage } from './htmlOut';
import type { CliOutput } from './output';

export async function compare(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, {
    ...SCENARIO_OPTIONS,
    ...PAGE_OPTION,
    as: { type: 'string' },
    gpu: { type: 'string' },
  });
  if (paths.length === 0) throw new UsageError('compare takes at least one PATH');
  const page = pageFile(values);
  const scenario = scenarioOf(values);
  const device = values['gpu'] === undefined ? null : namedDevice(values['gpu']);
  const requests = variantsOf(values['as'], paths.length);
  const models: ComparedModel[] = [];
  const names: string[] = [];
  for (const path of paths) {
    const { reading, file } = await readConfig(path, values, output.err);
    names.push(modelName(file));
    models.push({ name: paths.length > 1 ? path : null, reading, requests });
  }
  const comparison = compareDesigns(models, scenario, device);
  const [first] = comparison.leftOut;
  if (first && values['as'] !== undefined) throw new InputError(`${paths[first.model] ?? ''}: ${first.problem}`);
  if (page !== null) {
    const [name = ''] = names;
    const title = names.length > 1 ? `${name} vs. other models` : `Attention variants of ${name}`;
    await writePage(page, { title, markdown: comparisonDocument(name, comparison) }, output);
    return 0;
  }
  output.out(values['json'] === true ? json(comparisonJson(comparison)) : comparisonText(comparison, output.screen));
  return 0;
}

/** The contract of design §6. */
function comparisonJson({ scenario, device, rows }: Comparison): Record<string, unknown> {
  return {
    ...scenario.workload,
    engine: scenario.engine,
    release: setupOf(allocationRule(scenario.engine), scenario.release).release.id,
    options: scenario.options ?? {},
    ...(device && { gpu: device.id }),
    rows: rows.map(({ label, plan, ratio, parametersDelta, projectionFlops, decode }) => ({
      label,
      bytesPerToken: plan.bytesPerToken,
      cacheBytes: plan.cacheBytes,
      stateBytes: plan.stateBytes,
      ratio,
      parametersDelta,
      projectionFlops,
      ...(device && { decodeTimeS: decode?.timeS ?? null }),
      exact: plan.exact,
      ...(plan.known ? {} : { atLeast: knownPart(plan) }),
    })),
  };
}

/** Without `--as`, one config is compared with the four designs; several configs only with each other. */
function variantsOf(asked: string | boolean | undefined, paths: number): VariantRequest[] {
  const list = typeof asked === 'string' ? asked.split(',') : paths === 1 ? ['mha', 'gqa:8', 'mqa', 'mla'] : [];
  return list.map((text) => {
    const request = parseVariant(text);
    if (!request) throw new UsageError(`--as takes mha, gqa:G, mqa and mla:R+D, not ${text}`);
    return request;
  });
}

function namedDevice(id: string | boolean): Device {
  const device = typeof id === 'string' ? deviceOf(id) : null;
  if (!device) throw new UsageError(`--gpu must be one of ${DEVICES.map((known) => known.id).join(', ')}`);
  return device;
}
