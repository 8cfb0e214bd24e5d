/** What people see of src/editor: the strings that translators get, and those that escaped them. */

import type typescript from 'typescript';

export interface SourceText {
  readonly file: string;
  readonly text: string;
}

export interface HostStrings {
  /** First arguments of `l10n.t`, sorted. */
  readonly messages: readonly string[];
  /** "file:line: what is wrong". */
  readonly problems: readonly string[];
}

/** Names, the same in every language. */
const NAMES = ['Headlight', 'Markdown'];
/** Properties that the editor shows. */
const SHOWN = [
  'title',
  'label',
  'description',
  'detail',
  'placeHolder',
  'placeholder',
  'prompt',
  'openLabel',
  'saveLabel',
  'tooltip',
  'message',
  'name',
];
/** What these say goes elsewhere: to a language model, and to the panel's page, whose words are English. */
const ELSEWHERE = /\/(?:explorer\/tools|panel\/\w+)\.ts$/;

/** `ts`: the compiler, given so that the tools need not bundle it. */
export function hostStrings(ts: typeof typescript, sources: readonly SourceText[]): HostStrings {
  const messages = new Set<string>();
  const problems: string[] = [];
  for (const { file, text } of sources) {
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const report = (node: typescript.Node, problem: string): void =>
      void problems.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${problem}`);
    const visit = (node: typescript.Node): void => {
      if (ts.isImportDeclaration(node)) return;
      if (ts.isCallExpression(node)) {
        const called = node.expression.getText();
        if (called === 'l10n.t') {
          const [first] = node.arguments;
          if (first && ts.isStringLiteralLike(first)) messages.add(first.text);
          else report(node, 'l10n.t takes a literal');
          node.arguments.slice(1).forEach(visit);
          return;
        }
        // The log is for who helps.
        if (/\blog\.(?:info|warn|error)$/.test(called)) return;
      }
      const literal = literalText(ts, node);
      if (literal !== null && !ELSEWHERE.test(file) && isWords(ts, node, literal))
        report(node, `not for translators: ${literal.slice(0, 80)}`);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { messages: [...messages].sort(), problems };
}

/** The text of a literal; values in a template become gaps. */
function literalText(ts: typeof typescript, node: typescript.Node): string | null {
  if (ts.isTemplateExpression(node))
    return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…');
  return ts.isStringLiteralLike(node) && !ts.isLiteralTypeNode(node.parent) ? node.text : null;
}

/** Two words, or one where the editor shows it. */
function isWords(ts: typeof typescript, node: typescript.Node, text: string): boolean {
  if (NAMES.includes(text)) return false;
  if (/[A-Za-z]{2,}[,;:]? [A-Za-z]/.test(text)) return true;
  return ts.isPropertyAssignment(node.parent) && SHOWN.includes(node.parent.name.getText()) && /^[A-Z][a-z]/.test(text);
}
