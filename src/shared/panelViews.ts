/** Apart from the panel's contract, whose schemas neither the page nor the activation needs. */
export const PANEL_VIEWS = ['architecture', 'overview', 'compare', 'whatIf', 'tradeoff', 'heads', 'steps'] as const;
export type PanelView = (typeof PANEL_VIEWS)[number];
