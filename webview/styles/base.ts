/** What every view shares: VS Code's own density and colours. Adopted by shadow roots; the page has no style elements. */

import { css } from 'lit';

/** Text, focus and spacing of a view's root. */
export const base = css`
  :host {
    display: block;
    box-sizing: border-box;
    color: var(--vscode-foreground);
    font-family: var(--vscode-font-family);
    font-size: var(--vscode-font-size, 13px);
    line-height: 1.4;
  }
  :host([hidden]) { display: none; }
  *, *::before, *::after { box-sizing: border-box; }
  h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
  h2 { font-size: inherit; font-weight: 600; line-height: 22px; }
  ul, ol { list-style: none; }
  :focus { outline: none; }
  :focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
  .small { color: var(--vscode-descriptionForeground); font-size: 12px; }
  .quiet { color: var(--vscode-descriptionForeground); }
  /* Those of lists are made to be read; those of the editor, for squiggles. */
  .warn { color: var(--vscode-list-warningForeground, var(--vscode-editorWarning-foreground, var(--vscode-foreground))); }
  .error { color: var(--vscode-list-errorForeground, var(--vscode-errorForeground)); }
  .rule { border: 0; border-top: 1px solid var(--line); margin: 8px 0; }
  :host { --line: var(--vscode-sideBarSectionHeader-border, var(--vscode-panel-border, var(--vscode-contrastBorder, var(--vscode-charts-lines)))); }
  /* VS Code's own orange is see-through, and high contrast has none: then the one of symbols. */
  :host { --orange: rgb(from var(--vscode-charts-orange, var(--vscode-symbolIcon-classForeground, var(--vscode-charts-yellow))) r g b / 1); }
  .visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  @media (prefers-reduced-motion: reduce) {
    *, *::before, *::after { transition: none !important; animation: none !important; }
  }
`;

/** The number first: big, its unit and conditions small beside it. */
export const numbers = css`
  .number, td.number, .figures { font-variant-numeric: tabular-nums; }
  .big { font-size: 22px; line-height: 28px; font-weight: 400; font-variant-numeric: tabular-nums; white-space: nowrap; }
`;

/** Links, the library's buttons (parts/button.ts) in the page's density, and the ground of what looks like no button: chips, tabs, switches. */
export const controls = css`
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; text-align: inherit; cursor: pointer; }
  .link { color: var(--vscode-textLink-foreground); }
  .link:hover { color: var(--vscode-textLink-activeForeground); text-decoration: underline; }
  vscode-button[disabled], vscode-button[aria-disabled='true'] { opacity: 0.5; cursor: default; }
  vscode-button::part(base) { padding: 0 10px; border-radius: 2px; }
  /* Its own ring is drawn inside, for the mouse too. */
  /* Light high contrast has no colour for a button under the pointer, and the component's own is dark. */
  vscode-button[secondary]:not([disabled]):is(:hover, :focus)::part(base) { background-color: var(--vscode-button-secondaryHoverBackground, var(--vscode-button-secondaryBackground)); }
  vscode-button:focus-visible { outline: none; }
  vscode-button:focus-visible::part(base) { outline-offset: 1px; }
  vscode-button:focus:not(:focus-visible)::part(base) { outline: none; }
`;

/** Tables: 22 px rows, a line under the head, numbers to the right. */
export const tables = css`
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { height: 22px; padding: 0 8px 0 0; text-align: left; vertical-align: baseline; font-weight: 400; }
  th { color: var(--vscode-descriptionForeground); white-space: nowrap; }
  thead th { border-bottom: 1px solid var(--line); }
  td.number, th.number { text-align: right; white-space: nowrap; }
  caption { text-align: left; color: var(--vscode-descriptionForeground); padding: 4px 0; }
`;
