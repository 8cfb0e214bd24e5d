// What action.yml runs: lints the JSON files that changed since HEADLIGHT_BASE, as annotations, and writes into the summary of the job what
// each change of a model config does to its cache.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ownCli } from './ownCli.mjs';

const { env } = process;
/** Larger files are no configs; so many are looked at. */
const [MOST_BYTES, MOST_FILES] = [1_000_000, 200];

/** What Git calls a folder without files. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** @param {string[]} args */
const git = (...args) => execFileSync('git', args, { encoding: 'utf8', maxBuffer: 64 * MOST_BYTES });

/** @param {string[]} args */
function headlight(...args) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [ownCli(), ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * MOST_BYTES,
  });
  if (error) throw error;
  return { status: status ?? 1, stdout, stderr };
}

/** @param {string} commit */
function isHere(commit) {
  return spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`]).status === 0;
}

/** The commit to compare with; the usual checkout has one commit alone, so it may have to be fetched. */
function base() {
  const asked = env['HEADLIGHT_BASE'] ?? '';
  // A branch that is new has no commit before it.
  if (asked === '' || /^0+$/.test(asked)) {
    if (isHere('HEAD^')) return 'HEAD^';
    console.log('There is no commit to compare with: every model config is looked at.');
    return EMPTY_TREE;
  }
  if (asked.startsWith('-')) throw new Error(`${asked} is no commit`);
  if (!isHere(asked)) git('fetch', '--no-tags', '--depth=1', 'origin', asked);
  return asked;
}

/** @param {string} since */
function changedFiles(since) {
  const listed = git('diff', '--name-only', '--no-renames', '--diff-filter=AM', '-z', since, 'HEAD', '--', '*.json');
  return listed.split('\0').filter((name) => name !== '');
}

/**
 * The text of a file in a commit; null where it is not in it, or too large.
 * @param {string} commit
 * @param {string} file
 */
function textAt(commit, file) {
  const size = spawnSync('git', ['cat-file', '-s', `${commit}:${file}`], { encoding: 'utf8' });
  if (size.status !== 0 || Number(size.stdout) > MOST_BYTES) return null;
  return git('show', `${commit}:${file}`);
}

/**
 * The change of a config as Markdown; null where it was none before, or is none now.
 * @param {string} since
 * @param {string} file
 * @param {string} folder
 */
function changeOf(since, file, folder) {
  const text = textAt(since, file);
  if (text === null) return null;
  // In a folder of the same name: that is what says which model it is.
  const old = join(folder, 'old', basename(dirname(join('/', file))) || 'model', basename(file));
  mkdirSync(dirname(old), { recursive: true });
  writeFileSync(old, text);
  const scenario = (env['HEADLIGHT_SCENARIO'] ?? '').split('\n').map((line) => line.trim());
  const options = scenario.filter((line) => line !== '');
  const { status, stdout, stderr } = headlight('diff', ...options, '--', old, `./${file}`);
  if (status === 2) throw new Error(stderr);
  return status === 0 ? stdout : null;
}

/**
 * Which of the files are model configs. An object of one file where one was asked for.
 * @param {string} json
 */
function configsOf(json) {
  const found = /** @type {{ files?: { file: string }[]; file?: string | null }} */ (JSON.parse(json));
  const all = found.files ?? (found.file ? [{ file: found.file }] : []);
  return all.map(({ file }) => file.replace(/^\.\//, ''));
}

/**
 * To a file that the runner reads, or to whoever runs this by hand.
 * @param {string} name
 * @param {string} text
 */
function append(name, text) {
  const file = env[name];
  if (file) appendFileSync(file, `${text}\n`);
  else console.log(text);
}

function main() {
  const folder = mkdtempSync(join(tmpdir(), 'headlight-pull-request-'));
  try {
    const since = base();
    const files = changedFiles(since)
      .filter((file) => textAt('HEAD', file) !== null)
      .slice(0, MOST_FILES);
    if (files.length === 0) {
      append('GITHUB_OUTPUT', 'configs=0\nerrors=false');
      return 0;
    }
    const paths = files.map((file) => `./${file}`);
    const lint = headlight('lint', '--skip-others', '--format', 'github', '--', ...paths);
    if (lint.status > 1) throw new Error(lint.stderr);
    // Annotations name files from the root of the checkout.
    process.stdout.write(lint.stdout.replaceAll('file=./', 'file='));
    process.stderr.write(lint.stderr);
    const names = configsOf(headlight('lint', '--skip-others', '--json', '--', ...paths).stdout);
    const changes = names.flatMap((file) => changeOf(since, file, folder) ?? []);
    if (changes.length > 0) append('GITHUB_STEP_SUMMARY', changes.join('\n'));
    append('GITHUB_OUTPUT', `configs=${names.length}\nerrors=${lint.status !== 0}`);
    return lint.status !== 0 && env['HEADLIGHT_FAIL'] !== 'false' ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = main();
