/** Names on the Hub among the arguments: each becomes a folder of this machine, and what is fetched is said on standard error. */

import { HubError } from '../hub/hubError';
import { HubNameError, isHubName, parseHubName } from '../hub/hubName';
import { line } from '../present/terminal';
import { formatInteger } from '../model/units';
import { hubEndpoint, hubToken, isOffline } from '../stores/huggingFace';
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
    const endpoint = hubEndpoint(env);
    if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
      throw new InputError('HF_ENDPOINT must be an address that begins with https://.');
    const token = await hubToken(env);
    return await openHubFolder({
      name: parseHubName(text),
      access: isOffline(env) ? null : { endpoint, token, fetch, redirects: 'ours' },
      announce: ({ name, host, files }) => {
        const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
        output.err(line(`fetching ${files.length} small files of ${name} (${formatInteger(bytes)} B) from ${host}`));
      },
    });
  } catch (error) {
    if (error instanceof HubError || error instanceof HubNameError)
      throw new InputError(`${text}: ${error.message} ${error.fix}`);
    throw error;
  }
}
