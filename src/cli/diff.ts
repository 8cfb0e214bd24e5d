/** `diff`: what the change from one config to another does to the cache, as Markdown for a pull request. */

import { basename, dirname } from 'node:path';
import { changeBetween, changedValues, changeDocument, changeText } from '../present/change';
import { json, prose } from '../present/terminal';
import { parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { UsageError } from './errors';
import type { CliOutput } from './output';

export async function diff(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, SCENARIO_OPTIONS);
  const [before, after, ...more] = paths;
  if (before === undefined || after === undefined || more.length > 0) throw new UsageError('diff takes OLD and NEW');
  const scenario = scenarioOf(values);
  const old = (await readConfig(before, values, output.err)).reading;
  const { reading: now, file } = await readConfig(after, values, output.err);
  const change = changeBetween(old.spec, now.spec, scenario);
  const keys = changedValues(old.document, now.document, now.location.path, old.location.path);
  const name = /^(config|params)\.json$/.test(basename(file)) ? basename(dirname(file)) || file : basename(file);
  if (values['json'] === true) {
    const side = ({ spec, known, everywhere, ...plan }: typeof change.before): Record<string, unknown> => ({
      variant: spec.variant,
      bytesPerToken: plan.bytesPerToken,
      totalBytes: known ? everywhere.totalBytes : null,
      exact: plan.exact,
    });
    output.out(
      json({
        ...scenario.workload,
        text: changeText(change),
        before: side(change.before),
        after: side(change.after),
        keys,
      }),
    );
  } else output.out(prose(changeDocument(name, change, keys).source.trimEnd()));
  return 0;
}
