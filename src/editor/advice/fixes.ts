/** Quick fixes of problems, and refactorings of the number of KV heads. */

import {
  type CodeAction,
  CodeActionKind,
  type Command,
  type CodeActionContext,
  type CodeActionProvider,
  type Diagnostic,
  DiagnosticSeverity,
  l10n,
  type Range,
  type Selection,
  type TextDocument,
} from 'vscode';
import { planCache } from '../../cache/plan';
import { divisorsOf } from '../../model/divisors';
import { convertHeads, convertibleHeads } from '../../reading/convertHeads';
import { HEAD_KEYS, KV_HEAD_KEYS } from '../../config/spellings';
import { renameEdits } from '../../config/textEdits';
import { headVariant, isHeaded } from '../../model/attention';
import { inAllBytes, perTokenText, ratioText } from '../../present/sizeText';
import { configEdit, workspaceEdit } from '../configEdit';
import { INTERNAL_COMMANDS } from '../ids';
import { codeAction } from '../sinks';
import type { ConfigDiagnostics } from './diagnostics';
import { SOURCE } from './diagnostics';
import type { Insight, Insights } from './insights';

export class ConfigFixProvider implements CodeActionProvider {
  static readonly kinds = [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite];

  constructor(
    private readonly insights: Insights,
    private readonly diagnostics: ConfigDiagnostics,
  ) {}

  provideCodeActions(document: TextDocument, range: Range | Selection, context: CodeActionContext): CodeAction[] {
    const wants = (kind: CodeActionKind): boolean =>
      !context.only || context.only.contains(kind) || kind.contains(context.only);
    const ours = wants(CodeActionKind.QuickFix) ? context.diagnostics.filter(({ source }) => source === SOURCE) : [];
    return [
      ...ours.flatMap((diagnostic) => this.fixes(document, diagnostic)),
      ...(wants(CodeActionKind.RefactorRewrite) ? this.refactorings(document, range) : []),
    ];
  }

  private fixes(document: TextDocument, diagnostic: Diagnostic): CodeAction[] {
    const problem = this.diagnostics.problemOf(document, diagnostic);
    if (!problem) return [];
    const { rule, fix } = problem;
    const apply = fix ? [quickFix(fix.title, diagnostic)] : [];
    for (const action of apply) {
      const path = fix?.key.split('.') ?? [];
      action.edit =
        fix?.renameTo === undefined
          ? configEdit(document, [{ path, value: fix?.value }])
          : workspaceEdit(document, renameEdits(document.getText(), path, fix.renameTo));
      action.isPreferred = diagnostic.severity !== DiagnosticSeverity.Hint;
    }
    const ignored = (title: string, everywhere: boolean): CodeAction =>
      quickFix(title, diagnostic, {
        command: INTERNAL_COMMANDS.ignoreRule,
        arguments: [rule, document.uri, everywhere],
      });
    return [
      ...apply,
      quickFix(l10n.t('What does "{0}" mean?', rule), diagnostic, {
        command: INTERNAL_COMMANDS.explainRule,
        arguments: [rule],
      }),
      ignored(l10n.t('Ignore {0} in this file', rule), false),
      ignored(l10n.t('Ignore {0} everywhere', rule), true),
    ];
  }

  /** Offered on the numbers of heads: another number of KV heads, with what it would cost. */
  private refactorings(document: TextDocument, range: Range): CodeAction[] {
    const insight = this.insights.of(document);
    if (!insight || insight.found.stale) return [];
    const { reading } = insight.found;
    const key = insight.found.document.propertyAt(document.offsetAt(range.start))?.path.at(-1) ?? '';
    if (!KV_HEAD_KEYS.includes(key) && !HEAD_KEYS.includes(key) && key !== 'kv_n_heads') return [];
    const queryHeads = convertibleHeads(reading);
    if (queryHeads === null) return [];
    return choices(insight, queryHeads).flatMap((kvHeads): CodeAction[] => {
      const conversion = convertHeads(reading, kvHeads);
      if (typeof conversion === 'string') return [];
      const plan = planCache(conversion.reading.spec, insight.plan.scenario);
      const cost = [perTokenText(plan), ratioText(inAllBytes(insight.plan), inAllBytes(plan))];
      const action = codeAction(
        `${refactoringTitle(queryHeads, kvHeads)} (${cost.filter((part) => part !== '').join(', ')})`,
        CodeActionKind.RefactorRewrite,
      );
      action.edit = configEdit(document, conversion.edits);
      return [action];
    });
  }
}

/** The neighbours below and above what there is, and MQA and MHA at the ends. */
function choices({ plan }: Insight, queryHeads: number): number[] {
  const current = plan.spec.layers.map(({ attention }) => attention).find(isHeaded)?.kvHeads ?? queryHeads;
  const divisors = divisorsOf(queryHeads);
  const below = divisors.filter((divisor) => divisor < current && divisor > 1).slice(-2);
  const above = divisors.filter((divisor) => divisor > current && divisor < queryHeads).slice(0, 2);
  return [...below.reverse(), ...above, 1, queryHeads].filter((kvHeads) => kvHeads !== current);
}

/** "Make it GQA with 4 groups", "Make it MQA". */
function refactoringTitle(queryHeads: number, kvHeads: number): string {
  const variant = headVariant({ queryHeads, kvHeads });
  return variant === 'GQA' ? l10n.t('Make it GQA with {0} groups', kvHeads) : l10n.t('Make it {0}', variant);
}

function quickFix(title: string, diagnostic: Diagnostic, command?: Omit<Command, 'title'>): CodeAction {
  const action = codeAction(title, CodeActionKind.QuickFix, command);
  action.diagnostics = [diagnostic];
  return action;
}
