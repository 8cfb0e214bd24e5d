// Lint: the floors of the house (which folder may import what), tests that can't vanish, and what types don't catch.
import tseslint from 'typescript-eslint';
import { pathOf, ROOMS } from './scripts/floors.mjs';
import { emptyCases } from './scripts/lint/emptyCases.mjs';
import { floors } from './scripts/lint/floors.mjs';
import { EDITOR_FILES, EDITOR_SINKS, SHIPPED_MARKDOWN, TERMINAL_TEXT } from './scripts/lint/sinks.mjs';

const HEADLIGHT = { rules: { 'empty-cases': emptyCases, floors } };
const NO_NODE = {
  regex: '^(node:|fs$|path$|os$|child_process$|worker_threads$|crypto$)',
  message: 'Only the rooms that run in Node know it.',
};
const NO_VSCODE = { regex: '^vscode$', message: 'Only src/editor and src/extension.ts import vscode.' };
const NO_TENSOR_LIBRARY = {
  regex: '^(onnxruntime-|@tensorflow/)',
  message: 'Only src/compute/engines names a tensor library.',
};
/** What a room must not import of the world outside, by what it runs on (scripts/floors.mjs). */
const FORBIDDEN = {
  pure: [NO_NODE, NO_VSCODE, NO_TENSOR_LIBRARY],
  page: [NO_NODE, NO_VSCODE, NO_TENSOR_LIBRARY],
  node: [NO_VSCODE, NO_TENSOR_LIBRARY],
  editor: [NO_TENSOR_LIBRARY],
};
/** A room's files, whether it is a folder or a file. */
const filesOf = (room) => (pathOf(room).endsWith('.ts') ? pathOf(room) : `${pathOf(room)}/**/*.ts`);
const NO_HIDDEN_EXPORTS = [
  { selector: 'ExportDefaultDeclaration', message: 'No default exports.' },
  { selector: 'ExportAllDeclaration', message: 'No barrels.' },
  {
    selector: 'BinaryExpression[operator="instanceof"][right.name="RpcError"]',
    message: 'Each bundle has its own class: isRpcError(error).',
  },
];
/** `list[index] ?? 0`: a wrong index would count as 0. */
const NO_SILENT_ZERO = {
  selector:
    'LogicalExpression[operator="??"][right.value=0]:matches([left.type="MemberExpression"][left.computed=true], [left.type="ChainExpression"][left.expression.computed=true])',
  message: 'elementAt(list, index) of src/model says which index was wrong.',
};
/** A window draws when it comes to it: what is read once, right after an action, may be what was there before. */
const NO_SINGLE_LOOKS = [
  'innerText',
  'textContent',
  'getAttribute',
  'count',
  'allInnerTexts',
  'allTextContents',
  'isChecked',
  'isVisible',
  'inputValue',
  'isMarked',
  'focused',
  'entry',
].map((name) => ({
  selector: `CallExpression[callee.name="expect"] AwaitExpression CallExpression[callee.property.name="${name}"]`,
  message: 'Read until it holds: expect.poll(() => …).',
}));
const boundary = (files, patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns }] } });
/** What the product's files must not say; the last that names a file counts. */
const syntax = (files, ...forbidden) => ({
  files,
  rules: { 'no-restricted-syntax': ['error', ...NO_HIDDEN_EXPORTS, NO_SILENT_ZERO, ...forbidden.flat()] },
});

export default tseslint.config(
  { ignores: ['dist/**', 'out/**', 'node_modules/**', '.cache/**', 'test-results/**'] },
  {
    files: ['**/*.{ts,mts}'],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      'no-restricted-syntax': ['error', ...NO_HIDDEN_EXPORTS],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  syntax(['src/**/*.ts', 'webview/**/*.ts'], TERMINAL_TEXT, SHIPPED_MARKDOWN),
  syntax(['src/present/terminal.ts'], SHIPPED_MARKDOWN),
  syntax(['src/present/rulePage.ts'], TERMINAL_TEXT),
  syntax(['src/editor/**/*.ts', 'src/extension*.ts'], TERMINAL_TEXT, SHIPPED_MARKDOWN, EDITOR_SINKS, EDITOR_FILES),
  syntax(['src/editor/sinks.ts'], TERMINAL_TEXT, SHIPPED_MARKDOWN, EDITOR_FILES),
  syntax(['src/editor/writing.ts'], TERMINAL_TEXT, SHIPPED_MARKDOWN, EDITOR_SINKS),
  { files: ['**/*.config.{ts,mts}'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['test/e2e/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...NO_HIDDEN_EXPORTS, ...NO_SINGLE_LOOKS] },
  },
  {
    files: ['test/unit/**/*.test.ts'],
    plugins: { headlight: HEADLIGHT },
    rules: { 'headlight/empty-cases': 'error' },
  },
  { files: ['test/**', 'src/cli/**'], rules: { 'no-console': 'off' } },
  {
    files: ['src/**/*.ts', 'webview/**/*.ts'],
    plugins: { headlight: HEADLIGHT },
    rules: { 'headlight/floors': 'error' },
  },
  ...ROOMS.map((room) => boundary([filesOf(room)], FORBIDDEN[room.runtime])),
  boundary(['src/compute/engines/**/*.ts'], [NO_VSCODE]),
);
