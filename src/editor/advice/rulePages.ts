/** A page for each lint rule, from docs/lint.md: what the code of a problem links to, without any network. */

import {
  type CancellationToken,
  commands,
  type ExtensionContext,
  type TextDocumentContentProvider,
  Uri,
  window,
  workspace,
} from 'vscode';
import { rulePage } from '../../present/rulePage';

export const RULE_SCHEME = 'headlight';

export function ruleUri(rule: string): string {
  return `${RULE_SCHEME}:/lint/${encodeURIComponent(rule)}.md`;
}

export class RulePages implements TextDocumentContentProvider {
  private docs: Promise<string> | null = null;

  constructor(private readonly context: ExtensionContext) {}

  async provideTextDocumentContent(uri: Uri, _token?: CancellationToken): Promise<string> {
    const rule = /^\/lint\/(.+)\.md$/.exec(uri.path)?.[1] ?? '';
    return rulePage(rule, await (this.docs ??= this.read())).source;
  }

  private async read(): Promise<string> {
    const bytes = await workspace.fs.readFile(Uri.joinPath(this.context.extensionUri, 'docs', 'lint.md'));
    return new TextDecoder().decode(bytes);
  }
}

/** Shows the page of a rule, as Markdown where the editor can render it. */
export async function explainRule(rule: string): Promise<void> {
  const uri = Uri.parse(ruleUri(rule));
  try {
    await commands.executeCommand('markdown.showPreview', uri);
  } catch {
    await window.showTextDocument(uri, { preview: true });
  }
}
