/** Names of models on the Hub where texts mean one: keys of configs, calls in Python, arguments in shell scripts. A text search, on request. */

import { HubNameError, hubNameText, parseHubName } from './hubName';

export interface HubReference {
  /** As it is written. */
  readonly start: number;
  readonly end: number;
  /** "org/name", "org/name@revision": valid, whatever stands in the text. */
  readonly name: string;
}

export type ReferenceLanguage = 'json' | 'python' | 'shell';

/** No name is longer, with its revision; what is longer is none. */
const MOST_CHARACTERS = 200;
/** Behind what a name may stand: looked at so far. */
const BEFORE = 200;
const NAME_CHARACTER = /[\w./@%:+-]/;

/** What stands before a name that is meant as one. Names without an organisation are models in few places only. */
const MEANT: Readonly<Record<ReferenceLanguage, { readonly any: RegExp; readonly withOrganisation: RegExp }>> = {
  json: {
    any: /"(?:_name_or_path|base_model_name_or_path)"\s{0,20}:\s{0,20}"$/,
    withOrganisation:
      /"(?:model|model_id|model_name_or_path|pretrained_model_name_or_path|base_model)"\s{0,20}:\s{0,20}"$/,
  },
  python: {
    any: /\.from_pretrained\(\s{0,100}(?:pretrained_model_name_or_path\s{0,10}=\s{0,10})?["']$/,
    withOrganisation:
      /(?:\b(?:LLM|Engine|pipeline|SentenceTransformer|snapshot_download|load)\(\s{0,100}|\b(?:model|model_id|model_name|model_path|model_name_or_path|repo_id|base_model|checkpoint|tokenizer|MODEL|MODEL_ID|MODEL_NAME)["']?\s{0,10}[=:]\s{0,10})["']$/,
  },
  shell: {
    any: /(?!)/,
    withOrganisation:
      /(?:\s--(?:model|model-path|model-id|model-name|hf-repo|repo-id|tokenizer|tokenizer-path|base-model)(?:=|\s{1,20})|\s-hfr?\s{1,20}|\bvllm\s{1,20}serve\s{1,20}|\bdownload\s{1,20}|\bMODEL(?:_ID|_NAME|_PATH)?=)["']?$/,
  },
};

/** The reference at an offset of a text; null where there is none. */
export function referenceAt(text: string, offset: number, language: ReferenceLanguage): HubReference | null {
  let start = offset;
  let end = offset;
  while (start > 0 && offset - start <= MOST_CHARACTERS && NAME_CHARACTER.test(text[start - 1] ?? '')) start--;
  while (end < text.length && end - offset <= MOST_CHARACTERS && NAME_CHARACTER.test(text[end] ?? '')) end++;
  if (language === 'shell') {
    // `--model=org/name`, `MODEL=org/name`: the sign is no character of a name.
    const sign = text.lastIndexOf('=', end - 1);
    if (sign >= start) start = sign + 1;
  } else if (text[end] !== text[start - 1]) return null;
  const written = text.slice(start, end);
  if (written === '' || end - start > MOST_CHARACTERS) return null;
  const before = text.slice(Math.max(0, start - BEFORE), start);
  const { any, withOrganisation } = MEANT[language];
  const meant = any.test(before) || (written.includes('/') && withOrganisation.test(before));
  const name = meant ? soundName(written) : null;
  return name === null ? null : { start, end, name };
}

/** The name of a model, as the code writes it. Null for paths of files and what is no name. */
function soundName(written: string): string | null {
  // A folder of this machine, or a file.
  if (/^(?:[./~]|[A-Za-z]:)|\/$|\.(?:json|bin|safetensors|pt|pth|txt|ya?ml|py|sh)$/.test(written)) return null;
  try {
    const name = parseHubName(written);
    return name.path === '' ? hubNameText(name).replace(/^hf:/, '') : null;
  } catch (error) {
    if (error instanceof HubNameError) return null;
    throw error;
  }
}
