/** `diff`: what the change from one config to another does to the cache, as Markdown for a pull request. */

import { changeBetween, changedValues, changeDocument, changeText } from '../present/change';
import { json, prose } from '../present/terminal';
import { parseArguments, readConfig, SCENARIO_OPTIONS, scenarioOf } from './arguments';
import { UsageError } from './errors';
import { modelName, PAGE_OPTION, pageFile, writePage } from './htmlOut';
import type { CliOutput } from './output';

export async function diff(args: readonly string[], output: CliOutput): Promise<number> {
  const { paths, values } = parseArguments(args, { ...SCENARIO_OPTIONS, ...PAGE_OPTION });
  const [before, after, ...more] = paths;
  if (before === undefined || after === undefined || more.length > 0) throw new UsageError('diff takes OLD and NEW');
  const page = pageFile(values);
  const scenario = scenarioOf(values);
  const old = (await readConfig(before, values, output.err)).reading;
  const { reading: now, file } = await readConfig(after, values, output.err);
  const change = changeBetween(old.spec, now.spec, scenario);
  const keys = changedValues(old.document, now.document, now.location.path, old.location.path);
  const name = modelName(file);
  if (page !== null) {
    await writePage(page, { title: `KV cache of ${name}`, markdown: changeDocument(name, change, keys) }, output);
    return 0;
  }
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
