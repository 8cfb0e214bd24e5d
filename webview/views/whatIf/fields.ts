/** Rows of What-if: a name at the left, a control at the right. */

import { css } from 'lit';

export const fields = css`
  .field { display: flex; align-items: center; justify-content: space-between; gap: 6px; min-height: 30px; }
  .field span { white-space: nowrap; }
  .field .meaning { margin-left: auto; overflow: hidden; text-overflow: ellipsis; }
  select { flex: none; width: 18ch; height: 24px; padding: 0 4px; font: inherit; color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background); border: 1px solid var(--vscode-dropdown-border, transparent); border-radius: 2px; }
  select:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
`;
