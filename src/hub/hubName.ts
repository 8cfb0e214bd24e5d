/** Models by name: `hf:org/name@revision/path`, as `huggingface_hub`'s file system writes them after `hf://`. */

/** What a name means on the Hub. */
export interface HubName {
  /** "org/name"; of the oldest models just "name". */
  readonly repo: string;
  /** Branch, tag or commit; null: the default branch, `main`. */
  readonly revision: string | null;
  /** A file or folder of the repository; '' is all of it. */
  readonly path: string;
}

/** What is wrong with a name, as a sentence, and what to write instead. */
export class HubNameError extends Error {
  override readonly name = 'HubNameError';
  constructor(
    problem: string,
    readonly fix: string,
  ) {
    super(problem);
  }
}

const SCHEME = /^hf:(?:\/\/)?/;
const FIX = 'Write it as hf:org/name, hf:org/name@revision or hf:org/name@revision/path.';
/** `huggingface_hub.utils._validators.validate_repo_id` (release 1.0): letters, digits, `-`, `_` and `.`; 96 characters at most. */
const PART = /^\w[\w.-]*$/;
const MOST_CHARACTERS = 96;
/** Revisions with slashes in them: `SPECIAL_REFS_REVISION_REGEX` of `huggingface_hub/hf_file_system.py`. */
const SPECIAL_REVISION = /^refs\/(?:convert\/\w+|pr\/\d+)(?=\/|$)/;
/** What git allows in a ref, without what has a meaning in an address. */
const REVISION = /^(?!.*\.\.)[\w][\w.+-]*$/;

/** Whether a PATH of the command line is a name on the Hub. */
export function isHubName(text: string): boolean {
  return SCHEME.test(text);
}

/** @throws HubNameError where the text is no such name. */
export function parseHubName(text: string): HubName {
  const rest = text.replace(SCHEME, '');
  const at = rest.indexOf('@');
  const slashes = rest.split('/');
  // Without a revision, the third part begins the path.
  const repo = at >= 0 ? rest.slice(0, at) : slashes.slice(0, 2).join('/');
  checkRepo(repo);
  if (at < 0) return { repo, revision: null, path: checkedPath(slashes.slice(2).join('/')) };
  const after = rest.slice(at + 1);
  const special = SPECIAL_REVISION.exec(after)?.[0];
  const written = special ?? after.split('/', 1)[0] ?? '';
  // As an address has it: a slash that belongs to the revision.
  const revision = written.replaceAll(/%2f/gi, '/');
  if (!revision.split('/').every((part) => REVISION.test(part)))
    throw new HubNameError('The revision in this name is not a branch, tag or commit.', FIX);
  return { repo, revision, path: checkedPath(after.slice(written.length).replace(/^\//, '')) };
}

/** The name as text; its inverse is `parseHubName`. */
export function hubNameText({ repo, revision, path }: HubName): string {
  const at =
    revision === null ? '' : `@${SPECIAL_REVISION.test(revision) ? revision : revision.replaceAll('/', '%2F')}`;
  return `hf:${repo}${at}${path === '' ? '' : `/${path}`}`;
}

function checkRepo(repo: string): void {
  const parts = repo.split('/');
  const sound =
    repo.length <= MOST_CHARACTERS &&
    parts.length <= 2 &&
    parts.every((part) => PART.test(part) && !/[.-]$/.test(part)) &&
    !/--|\.\.|\.git$/.test(repo);
  if (!sound) throw new HubNameError('This is not the name of a model on the Hub.', FIX);
}

/** Whether a path of a repository stays inside of it, on every system. */
export function isInside(path: string): boolean {
  return path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0]/.test(part) && !/[. ]$/.test(part));
}

function checkedPath(path: string): string {
  const trimmed = withoutSlashes(path);
  if (trimmed !== '' && !isInside(trimmed))
    throw new HubNameError('The path in this name leads out of the repository.', FIX);
  return trimmed;
}

/** Without those at its end; in a loop, for an expression looks at each row of slashes anew. */
export function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end);
}
