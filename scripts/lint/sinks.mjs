// Lint: text of files reaches people through few files, each of which makes it harmless. What is forbidden elsewhere, as selectors of
// `no-restricted-syntax`.

const EDITOR =
  'src/editor/sinks.ts shows text in the editor: links, icons and what does not show are made harmless there.';
const NAMES =
  /^(?:MarkdownString|CodeLens|InlayHint|InlayHintLabelPart|Diagnostic|CodeAction|CompletionItem|TreeItem|Hover|LanguageModelTextPart|LanguageModelToolResult)$/;
const CALLS =
  /^(?:show(?:Information|Warning|Error)Message|showQuickPick|createQuickPick|showInputBox|createInputBox|createStatusBarItem|createLanguageStatusItem|setStatusBarMessage|createOutputChannel|createTerminal|withProgress|registerCommand|registerTextEditorCommand)$/;
/** What the editor shows of an object, as these properties of its classes. `name`, `text` and `detail` are also those of our own. */
const PROPERTIES =
  /^(?:tooltip|command|label|title|description|documentation|message|placeholder|prompt|validationMessage|accessibilityInformation|markdown|badge)$/;

/** In src/editor and the entries, but for src/editor/sinks.ts. */
export const EDITOR_SINKS = [
  {
    selector: `ImportDeclaration[source.value="vscode"][importKind!="type"] > ImportSpecifier[importKind!="type"][imported.name=${NAMES}]`,
    message: EDITOR,
  },
  { selector: `MemberExpression[property.name=${CALLS}]`, message: EDITOR },
  {
    selector: `AssignmentExpression > MemberExpression.left:matches([property.name=${PROPERTIES}], [property.value=${PROPERTIES}])`,
    message: EDITOR,
  },
  { selector: 'CallExpression[callee.object.name="Object"][callee.property.name="assign"]', message: EDITOR },
  { selector: 'CallExpression[callee.property.name="openTextDocument"] > ObjectExpression', message: EDITOR },
];

/** In src/editor, but for src/editor/writing.ts. */
export const EDITOR_FILES = [
  { selector: 'MemberExpression[property.name="writeFile"]', message: 'src/editor/writing.ts replaces files whole.' },
];

/** Everywhere in the product, but for src/present/terminal.ts. */
export const TERMINAL_TEXT = [
  {
    selector: 'TSAsExpression > TSTypeReference[typeName.name="TerminalText"]',
    message: 'src/present/terminal.ts makes text for terminals.',
  },
];

/** Everywhere in the product, but for src/present/rulePage.ts. */
export const SHIPPED_MARKDOWN = [
  {
    selector: 'ImportSpecifier[imported.name="shipped"]',
    message: 'Only src/present/rulePage.ts has Markdown that ships with the extension.',
  },
];
