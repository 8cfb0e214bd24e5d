/** `compare`: configs against each other, and one config as MHA, GQA, MQA and MLA. */

import { planCache } from '../cache/plan';
import { asVariant, parseVariant, projectionParameters, type VariantRequest, variantProblem } from '../cache/variants';
import type { Scenario } from '../model/scenario';
import type { ModelSpec } from '../model/spec';
import { formatBinary, formatInteger, formatRatio } from '../model/units';
import { InputError, parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf, UsageError } from './arguments';
import type { CliOutput } from './run';

/** One design at one scenario. */
export interface CompareRow {
  readonly label: string;
  readonly bytesPerToken: number;
  readonly cacheBytes: number;
  /** Cache of the first row ÷ cache of this one: above 1 it is smaller. */
  readonly ratio: number;
  readonly parametersDelta: number | null;
  readonly projectionFlops: number | null;
  readonly exact: boolean;
}

export async function compare(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, { ...SCENARIO_OPTIONS, as: { type: 'string' } });
  if (paths.length === 0) throw new UsageError('compare takes at least one PATH');
  const scenario = scenarioOf(values);
  const requests = variantsOf(values['as'], paths.length);
  const rows: CompareRow[] = [];
  for (const path of paths) {
    const { reading } = await readConfig(path, values, output.err);
    rows.push(rowOf(paths.length > 1 ? path : `${reading.spec.modelType} as it is (${reading.spec.variant})`, reading.spec, 0, scenario));
    for (const request of requests) {
      const problem = variantProblem(reading.spec, request);
      if (problem !== null) {
        if (values['as'] !== undefined) throw new InputError(`${path}: ${problem}`);
        continue;
      }
      const variant = asVariant(reading.spec, request);
      rows.push(rowOf(paths.length > 1 ? `${path} as ${variant.label}` : variant.label, variant.spec, variant.parametersDelta, scenario));
    }
  }
  const first = rows[0]?.cacheBytes ?? 0;
  const compared = rows.map((row) => ({ ...row, ratio: row.cacheBytes === 0 ? 0 : first / row.cacheBytes }));
  output.out(values['json'] === true ? JSON.stringify({ ...scenario.workload, engine: scenario.engine, rows: compared }) : compareText(compared, scenario));
  return 0;
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

function rowOf(label: string, spec: ModelSpec, parametersDelta: number | null, scenario: Scenario): CompareRow {
  const plan = planCache(spec, scenario);
  const parameters = projectionParameters(spec);
  return {
    label,
    bytesPerToken: plan.bytesPerToken,
    cacheBytes: plan.cacheBytes,
    ratio: 1,
    parametersDelta,
    projectionFlops: parameters === null ? null : 2 * parameters,
    exact: plan.exact,
  };
}

function compareText(rows: readonly CompareRow[], scenario: Scenario): string {
  const { batch, tokens } = scenario.workload;
  const width = Math.max(...rows.map((row) => row.label.length));
  const first = rows[0]?.cacheBytes ?? 0;
  return [
    `cache at ${formatInteger(batch)} × ${formatInteger(tokens)} tokens, ${scenario.engine}, ${scenario.kvDtype}`,
    ...rows.map((row) => {
      const guess = row.exact ? '' : ' (not exact)';
      return `${row.label.padEnd(width)}  ${formatBinary(row.bytesPerToken).padStart(10)}/token  ${formatBinary(row.cacheBytes).padStart(10)}  ${formatRatio(first, row.cacheBytes)}${guess}`;
    }),
  ].join('\n');
}
