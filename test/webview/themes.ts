// Colours of VS Code's four default themes that the panel uses, as a webview gets them.
import colours from './themeColours.json';

export const THEME_KINDS = ['dark', 'light', 'hc-dark', 'hc-light'] as const;
export type ThemeKind = (typeof THEME_KINDS)[number];

/** The body's class in a webview. */
export const THEME_CLASSES: Readonly<Record<ThemeKind, string>> = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  'hc-dark': 'vscode-high-contrast',
  'hc-light': 'vscode-high-contrast-light vscode-high-contrast',
};

/** The theme's name in the settings. */
export const THEME_NAMES: Readonly<Record<ThemeKind, string>> = {
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  'hc-dark': 'Default High Contrast',
  'hc-light': 'Default High Contrast Light',
};

/** Without the prefix `--vscode-`; read from VS Code, and held against it, by test/e2e/themes.e2e.ts. */
export const THEMES: Readonly<Record<ThemeKind, Readonly<Record<string, string>>>> = colours;

/** VS Code's own sheet in every webview: below all else (a layer). */
export const DEFAULT_SHEET = `@layer vscode-default {
  html { scrollbar-color: var(--vscode-scrollbarSlider-background) var(--vscode-editor-background); }
  body { overscroll-behavior-x: none; background-color: transparent; color: var(--vscode-editor-foreground); font-family: var(--vscode-font-family); font-weight: var(--vscode-font-weight); font-size: var(--vscode-font-size); margin: 0; padding: 0 20px; }
  a, a code { color: var(--vscode-textLink-foreground); }
  a:focus, input:focus, select:focus, textarea:focus { outline: 1px solid -webkit-focus-ring-color; outline-offset: -1px; }
  code { font-family: var(--vscode-editor-font-family); color: var(--vscode-textPreformat-foreground); background-color: var(--vscode-textPreformat-background); padding: 1px 3px; border-radius: 4px; }
}
html { background: var(--place-background); }`;
