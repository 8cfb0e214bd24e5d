/** Names on the Hub among the arguments: each becomes a folder of this machine, and what is fetched is said on standard error. */

import { HubError } from '../hub/hubError';
import { HubNameError, isHubName, parseHubName } from '../hub/hubName';
import { line } from '../present/terminal';
import { formatInteger } from '../model/units';
import { hubAccess } from '../stores/hubAccess';
import { type HubFolder, openHubFolder } from '../stores/hubFolder';
import { InputError } from './errors';
import type { CliOutput } from './output';

/** Runs `work` with arguments in which every `hf:` name is a path. @throws InputError where a model cannot be opened */
export async function withHubFolders(
  args: readonly string[],
  output: CliOutput,
  work: (args: readonly string[]) => Promise<number>,
): Promise<number> {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const folders: HubFolder[] = [];
  try {
    const paths: string[] = [];
    for (const [index, arg] of args.entries()) {
      if (index >= end || !isHubName(arg)) paths.push(arg);
      else {
        const folder = await opened(arg, output);
        folders.push(folder);
        paths.push(folder.path);
      }
    }
    return await work(paths);
  } catch (error) {
    throw error instanceof HubError ? new InputError(`${error.message} ${error.fix}`) : error;
  } finally {
    for (const folder of folders) folder.close();
  }
}

async function opened(text: string, output: CliOutput): Promise<HubFolder> {
  const { env } = process;
  try {
    return await openHubFolder({
      name: parseHubName(text),
      access: await hubAccess(env),
      announce: ({ name, host, files, weights: { headers } }) => {
        const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
        const most = Math.max(headers.safetensors, headers.gguf);
        output.err(
          line(
            `fetching ${files.length} small files of ${name} (${formatInteger(bytes)} B) from ${host}${most > 0 ? `, and what is needed of the headers of its weights (at most ${formatInteger(most)} B)` : ''}`,
          ),
        );
      },
    });
  } catch (error) {
    if (error instanceof HubError || error instanceof HubNameError)
      throw new InputError(`${text}: ${error.message} ${error.fix}`);
    throw error;
  }
}
