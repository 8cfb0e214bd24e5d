/** Every text that a person can see, with its place, for reading all of them at once: `npm run texts`. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type typescript from 'typescript';

export interface PlacedText {
  /** "src/lint/heads.ts:12". */
  readonly place: string;
  /** Values that are put in stand as "…". */
  readonly text: string;
}

/** Properties and attributes that people read, of one word too. */
const SHOWN =
  /^(?:title|label|description|detail|place[hH]older|prompt|openLabel|saveLabel|tooltip|message|name|unit|heading|aria-label|tabLabel|empty|text)$/;
/** Properties that nobody reads: sources in the code, selectors. */
const UNSEEN = /^(?:cite|source|sources|selector|pattern|scheme|className|style|font)$/;
/** Calls whose texts go to a machine. */
const MACHINES =
  /^(?:box|matchMedia|require|RegExp|document\.\w+|.*\.(?:querySelector(?:All)?|executeCommand|getConfiguration|addEventListener|matches|closest|append|setAttribute|split|test|match)|customElement|property|import)$/;

/** The texts of one TypeScript file: literals and templates that hold words, and what stands between the tags of html`…`. */
export function textsOfCode(ts: typeof typescript, file: string, code: string): PlacedText[] {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  const found: PlacedText[] = [];
  const add = (node: typescript.Node, text: string): void => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push({ place: `${file}:${line + 1}`, text: text.replace(/\s+/g, ' ').trim() });
  };
  const visit = (node: typescript.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isPropertyAssignment(node) && UNSEEN.test(nameOf(node.name))) return;
    if (ts.isTaggedTemplateExpression(node)) {
      const tag = node.tag.getText();
      if (tag === 'css') return;
      const text = templateText(ts, node.template);
      if (tag === 'html' || tag === 'svg') for (const part of markupTexts(text)) add(node, part);
      else if (hasWords(text) || (tag === 'md' && /[A-Za-z]{2}/.test(text))) add(node, text);
      values(ts, node.template).forEach(visit);
      return;
    }
    if (ts.isCallExpression(node) && MACHINES.test(node.expression.getText())) {
      node.arguments.filter((argument) => !ts.isStringLiteralLike(argument)).forEach(visit);
      return;
    }
    if (ts.isTemplateExpression(node) || ts.isStringLiteralLike(node)) {
      const text = templateText(ts, node);
      if (hasWords(text) || (isShown(ts, node) && /^[A-Za-z][a-z]+/.test(text))) add(node, text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The texts of a checkout, file by file; `parts`: of the files whose path has one of these. */
export function textsOfCheckout(ts: typeof typescript, root: string, parts: readonly string[] = []): PlacedText[] {
  const filesOf = (folder: string, ending: string): readonly string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .sort();
  return [
    'package.json',
    'package.nls.json',
    ...filesOf('media/schema', '.json'),
    ...filesOf('src', '.ts'),
    ...filesOf('webview', '.ts'),
  ]
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return file.endsWith('.json') ? textsOfJson(file, text) : textsOfCode(ts, file, text);
    });
}

function templateText(ts: typeof typescript, node: typescript.TemplateLiteral | typescript.StringLiteralLike): string {
  if (!ts.isTemplateExpression(node)) return node.text;
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…');
}

function values(ts: typeof typescript, node: typescript.TemplateLiteral): readonly typescript.Expression[] {
  return ts.isTemplateExpression(node) ? node.templateSpans.map(({ expression }) => expression) : [];
}

/** Style, pictures, markup and lists of names have spaces, too. */
const NO_TEXT =
  /gradient\(|color-mix\(|minmax\(|var\(--|sans-serif|prefers-reduced|\(resolution:|^img-src |^import |^ResizeObserver |^::|^<|<path |^inset |^\^|=…?(?: \/)?$|^(?:[\w.-]+ ){12,}[\w.-]+$/;
/** Names that are put together for a machine: "token-…-llama3-8b". */
const NAME = /^(?=.*…)(?=.*[-_/])[\w…/-]+$/;

/** Two words with a space between them; a gap counts as one. */
function hasWords(text: string): boolean {
  if (NO_TEXT.test(text) || NAME.test(text)) return false;
  if (/^[\w.-]+ ?[{:>]|^M ?[\d.…]/.test(text)) return false;
  return /[A-Za-z]{2,}['’")\]]?[,;:.]? ["“(]?(?:[A-Za-z]|…)|…[,;:]? [A-Za-z]{2,}/.test(text);
}

function isShown(ts: typeof typescript, node: typescript.Node): boolean {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent)) return SHOWN.test(nameOf(parent.name));
  return (
    ts.isCallExpression(parent) && /^(?:l10n\.t|shipped|heading|button|announce)$/.test(parent.expression.getText())
  );
}

function nameOf(name: typescript.PropertyName): string {
  return 'text' in name ? name.text : name.getText();
}

/** What stands between tags, and in the attributes that are read out. */
function markupTexts(markup: string): string[] {
  const attributes = [...markup.matchAll(/\s(?:aria-label|title|placeholder|label|alt)=["']?([^"'>]*)["']?/g)].map(
    ([, value = '']) => value,
  );
  const between = markup.replace(/<!--.*?-->/gs, '').split(/<[^>]*>/);
  return [...between, ...attributes]
    .map((text) => text.trim())
    .filter((text) => /[A-Za-z]{2}/.test(text) && !NO_TEXT.test(text));
}

/** The texts of a JSON document that people read: values of keys like "description" and "title", and every value of package.nls.json. */
export function textsOfJson(file: string, json: string): PlacedText[] {
  const everything = /\.nls\.json$/.test(file);
  return json.split('\n').flatMap((line, index) => {
    const [, key = '', quoted = '""'] = /^\s*(?:"([^"]+)":\s*)?("(?:[^"\\]|\\.)*"),?\s*$/.exec(line) ?? [];
    const text: unknown = JSON.parse(quoted);
    const read =
      everything ||
      /^(?:title|\w*[dD]escription|category|displayName|label|errorMessage)$/.test(key) ||
      (key === '' && /[a-z] [a-z]/.test(String(text)));
    return read && typeof text === 'string' && /[A-Za-z]{2}/.test(text) && !/^%.*%$/.test(text)
      ? [{ place: `${file}:${index + 1}`, text: text.replace(/\s+/g, ' ') }]
      : [];
  });
}
