import { css } from 'lit';

export const headsStyles = css`
  :host { container-type: inline-size; }
  .whose { margin-top: 8px; overflow-wrap: anywhere; }
  .form { margin-top: 4px; display: grid; gap: 6px; }
  .form .line { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; }
  label { display: inline-flex; align-items: center; gap: 6px; min-height: 24px; min-width: 0; max-width: 100%; white-space: nowrap; }
  label.wide { flex: 1 1 150px; min-width: 0; }
  select, textarea { font: inherit; color: var(--vscode-dropdown-foreground, var(--vscode-foreground)); background: var(--vscode-dropdown-background); border: 1px solid var(--vscode-dropdown-border, var(--line)); border-radius: 2px; min-height: 24px; padding: 1px 4px; max-width: 100%; min-width: 0; }
  .layer { width: 60px; }
  label.wide select { flex: 1 1 auto; width: 100%; }
  textarea { display: block; width: 100%; min-height: 46px; max-height: 130px; field-sizing: content; padding: 3px 6px; resize: vertical; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border-color: var(--vscode-input-border, var(--line)); }
  textarea::placeholder { color: var(--vscode-input-placeholderForeground); }
  select:focus-visible, textarea:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
  input[type='number'] { width: 4.5em; font: inherit; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--line)); border-radius: 2px; min-height: 24px; padding: 1px 4px; }
  .examples { list-style: none; margin: 8px 0 0; padding: 0; }
  .examples .small { display: block; margin-bottom: 6px; }
  input[type='checkbox'] { accent-color: var(--vscode-button-background); margin: 0; width: 14px; height: 14px; }
  .switch { display: inline-flex; border: 1px solid var(--vscode-dropdown-border, var(--line)); border-radius: 2px; overflow: hidden; }
  .switch button { padding: 0 8px; min-height: 22px; color: var(--vscode-descriptionForeground); }
  .switch button:hover { color: var(--vscode-foreground); }
  .switch button[aria-pressed='true'] { color: var(--vscode-foreground); background: var(--vscode-list-inactiveSelectionBackground, var(--vscode-toolbar-hoverBackground)); box-shadow: inset 0 -1px 0 var(--vscode-focusBorder); }
  .switch button:focus-visible { outline-offset: -2px; }
  .tools { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; padding: 4px 0 8px; }
  .tools label { color: var(--vscode-descriptionForeground); font-size: 12px; }
  .tools select { font-size: 12px; min-height: 22px; }
  .letter > p { margin-bottom: 4px; }
  .where { padding: 6px 0 2px; }
  summary { cursor: pointer; }
  .where .small { display: block; }
  .running { padding: 4px 0; }
  .work { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; align-items: start; }
  .old { opacity: 0.55; }
  .models { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 16px 28px; align-items: start; }
  .above { min-height: 20px; line-height: 18px; padding-bottom: 2px; font-variant-numeric: tabular-nums; }
  .measures { display: flex; flex-wrap: wrap; gap: 0 14px; font-variant-numeric: tabular-nums; }
  .measures b { font-weight: 400; color: var(--vscode-foreground); }
  h2 { margin-top: 4px; }
  .tools h2 { margin: 0; }
  h3 { font-size: 12px; font-weight: 600; line-height: 22px; }
  .part { margin-top: 12px; }
  .part:first-child { margin-top: 0; }
  h2 .small, h3 .small { font-weight: 400; margin-left: 4px; }
  .latents { display: grid; gap: 12px 28px; grid-template-columns: minmax(0, 1fr); margin-bottom: 16px; }
  .key { color: var(--vscode-descriptionForeground); }
  .lines { display: block; max-width: 100%; height: auto; font-size: 12px; fill: var(--vscode-descriptionForeground); stroke: none; }
  .lines line { stroke: var(--vscode-charts-blue, var(--vscode-foreground)); stroke-linecap: round; }
  .lines .from { fill: var(--vscode-foreground); font-weight: 600; }
  .lines .not { opacity: 0.45; }
  .token { font-family: var(--vscode-editor-font-family, monospace); }
  @container (min-width: 760px) {
    .form { grid-template: auto 1fr / minmax(300px, 5fr) minmax(0, 7fr); align-items: start; column-gap: 28px; }
    .form textarea { grid-column: 2; grid-row: 1 / span 2; min-height: 54px; }
    .work { grid-template-columns: minmax(300px, 5fr) minmax(0, 7fr); column-gap: 28px; }
    .zoom { position: sticky; top: 40px; }
    .latents { grid-template-columns: minmax(0, 7fr) minmax(220px, 3fr); }
    .letters > .letter { grid-column: 1; }
    .letters > .zoom { grid-column: 2; grid-row: 1 / span 3; }
  }
`;
