/**
 * Lens, hints, status items, problems, fixes and completion for model configs, and the hover in Python. Loaded when the first model
 * config is shown, or the first hover asks about a Python source that may hold one.
 */

import {
  type CancellationToken,
  type CodeActionKind,
  type Hover,
  languages,
  type Position,
  type TextDocument,
  type Uri,
  workspace,
} from 'vscode';
import { INTERNAL_COMMANDS } from '../ids';
import { keyTextOf } from '../../present/keyCostText';
import type { KeyTexts } from '../hover';
import { Owner } from '../lifecycle';
import { CONFIG_SELECTOR } from '../readings';
import type { Services } from '../services';
import { registerCommand, type ShownStatus } from '../sinks';
import { StatusItem } from '../status';
import { ConfigCompletionProvider } from './completion';
import { ConfigDiagnostics } from './diagnostics';
import { ConfigFixProvider } from './fixes';
import { ConfigHintsProvider } from './inlayHints';
import { Insights, type WorkCounts } from './insights';
import { FamilyStatus } from './languageStatus';
import { ConfigLensProvider } from './lens';
import { ignoreRule } from './lintIgnore';
import { PythonHovers } from './pythonHover';
import { explainRule, RULE_SCHEME, RulePages } from './rulePages';

export class Advice extends Owner {
  private readonly insights: Insights;
  private readonly status: FamilyStatus;
  private readonly python: PythonHovers;

  constructor({ context, readings, platform }: Services) {
    super();
    const insights = (this.insights = this.own(new Insights(readings, platform)));
    this.status = this.own(new FamilyStatus(insights));
    this.own(new StatusItem(readings));
    this.python = new PythonHovers(insights.counts);
    const diagnostics = this.own(new ConfigDiagnostics(insights));
    const providedCodeActionKinds: readonly CodeActionKind[] = ConfigFixProvider.kinds;
    this.own(languages.registerCodeLensProvider(CONFIG_SELECTOR, new ConfigLensProvider(insights, readings)));
    this.own(languages.registerInlayHintsProvider(CONFIG_SELECTOR, new ConfigHintsProvider(insights, readings)));
    this.own(
      languages.registerCodeActionsProvider(CONFIG_SELECTOR, new ConfigFixProvider(insights, diagnostics), {
        providedCodeActionKinds,
      }),
    );
    this.own(languages.registerCompletionItemProvider(CONFIG_SELECTOR, new ConfigCompletionProvider(insights), '"'));
    this.own(workspace.registerTextDocumentContentProvider(RULE_SCHEME, new RulePages(context)));
    this.own(registerCommand(INTERNAL_COMMANDS.explainRule, (rule: string) => explainRule(rule)));
    this.own(
      registerCommand(INTERNAL_COMMANDS.ignoreRule, (rule: string, uri: Uri, everywhere: boolean) =>
        ignoreRule(rule, uri, everywhere),
      ),
    );
  }

  pythonHover(document: TextDocument, position: Position, token: CancellationToken): Promise<Hover | null> {
    return this.python.hoverAt(document, position, token);
  }

  get keyTexts(): KeyTexts {
    return keyTextOf;
  }

  get familyStatus(): ShownStatus | null {
    return this.status.shown;
  }

  get counts(): Readonly<WorkCounts> {
    return { ...this.insights.counts };
  }
}

export function createAdvice(services: Services): Advice {
  return new Advice(services);
}
