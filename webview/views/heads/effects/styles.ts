import { css } from 'lit';

export const effectsStyles = css`
  .bars { display: grid; grid-template-columns: minmax(6ch, max-content) 6ch minmax(24px, 1fr); gap: 0 8px; align-items: center; max-width: 520px; }
  .bars > span { min-height: 20px; line-height: 20px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .bars .number { text-align: right; }
  .bar { display: block; height: 8px; margin: 6px 0; background: var(--vscode-charts-blue, var(--vscode-foreground)); }
  .parts { flex-wrap: wrap; }
  .grown { line-height: 24px; overflow-wrap: anywhere; }
  .grown span { border-bottom: 2px solid var(--vscode-charts-blue, currentColor); margin-right: 2px; white-space: pre-wrap; }
  .cache { display: flex; height: 10px; max-width: 520px; gap: 1px; margin: 4px 0; }
  .cache i { flex: 1 1 0; min-width: 1px; background: color-mix(in srgb, var(--vscode-foreground) 30%, transparent); }
  .cache i.fresh { background: var(--vscode-charts-green, var(--vscode-foreground)); outline: 1px solid var(--vscode-contrastBorder, transparent); }
  input.word { width: 12ch; font: inherit; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--line)); border-radius: 2px; min-height: 24px; padding: 1px 4px; }
  input.places { flex: 1 1 12ch; width: auto; min-width: 12ch; max-width: 40ch; }
  input::placeholder { color: var(--vscode-input-placeholderForeground); }
  .named { margin-top: 12px; }
  .named li { display: flex; flex-wrap: wrap; gap: 0 10px; }
  .wide { overflow-x: auto; }
  .wrapped thead th { white-space: normal; line-height: 16px; vertical-align: bottom; }
  .long tbody th { white-space: normal; min-width: 11ch; }
  .prompts th { white-space: nowrap; }
  .prompts td { white-space: normal; overflow-wrap: anywhere; }
  .prompts .warn { text-decoration: underline; }
  .sides { display: grid; gap: 8px 28px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr)); }
  section > * + * { margin-top: 6px; }
`;
