// Lint: the module boundaries of the house (which folder may import what), and what types don't catch.
import tseslint from 'typescript-eslint';

const PURE = ['model', 'config', 'cache', 'serving', 'attention', 'insight'];
const NO_NODE = {
  regex: '^(node:|fs$|path$|os$|child_process$|worker_threads$|crypto$)',
  message: 'Pure folders do not know Node.',
};
const NO_VSCODE = { regex: '^vscode$', message: 'Only src/editor and src/extension.ts import vscode.' };
const NO_TENSOR_LIBRARY = {
  regex: '^(onnxruntime-|@tensorflow/)',
  message: 'Only src/compute/engines names a tensor library.',
};
/** Forbids imports of the sibling folders of src/ that a folder must not know. */
const noFolders = (names, message) => ({ regex: `^(\\.\\./)+(${names.join('|')})/`, message });
const NO_HIDDEN_EXPORTS = [
  { selector: 'ExportDefaultDeclaration', message: 'No default exports.' },
  { selector: 'ExportAllDeclaration', message: 'No barrels.' },
];
/** `list[index] ?? 0`: a wrong index would count as 0. */
const NO_SILENT_ZERO = {
  selector: 'LogicalExpression[operator="??"][left.type="MemberExpression"][left.computed=true][right.value=0]',
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
const boundary = (files, patterns, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
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
  {
    files: ['src/{attention,cache,cli,compute,editor,insight,model,present}/**/*.ts', 'webview/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...NO_HIDDEN_EXPORTS, NO_SILENT_ZERO] },
  },
  { files: ['**/*.config.{ts,mts}'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['test/e2e/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...NO_HIDDEN_EXPORTS, ...NO_SINGLE_LOOKS] },
  },
  { files: ['test/**', 'src/cli/**'], rules: { 'no-console': 'off' } },
  boundary(
    PURE.map((folder) => `src/${folder}/**/*.ts`),
    [
      NO_NODE,
      NO_VSCODE,
      NO_TENSOR_LIBRARY,
      noFolders(['weights', 'compute', 'editor', 'cli', 'shared'], 'Pure folders do not know the runtimes.'),
    ],
  ),
  boundary(
    ['src/model/**/*.ts'],
    [
      NO_NODE,
      NO_VSCODE,
      NO_TENSOR_LIBRARY,
      { regex: '^\\.\\./', message: 'src/model is the bottom: it imports nothing of the house.' },
    ],
  ),
  boundary(
    ['src/shared/**/*.ts'],
    [
      NO_NODE,
      NO_VSCODE,
      NO_TENSOR_LIBRARY,
      noFolders(['weights', 'compute', 'editor', 'cli'], 'The contract does not know the runtimes.'),
    ],
  ),
  boundary(
    ['src/weights/**/*.ts', 'src/cli/**/*.ts'],
    [NO_VSCODE, NO_TENSOR_LIBRARY, noFolders(['editor'], 'No editor here.')],
  ),
  boundary(
    ['src/compute/**/*.ts'],
    [NO_VSCODE, NO_TENSOR_LIBRARY, noFolders(['editor', 'cli'], 'No editor here.')],
    ['src/compute/engines/**'],
  ),
  boundary(['src/compute/engines/**/*.ts'], [NO_VSCODE, noFolders(['editor', 'cli'], 'No editor here.')]),
  boundary(
    ['src/editor/**/*.ts', 'src/extension.ts'],
    [NO_TENSOR_LIBRARY, noFolders(['weights', 'cli'], 'Heavy work belongs to the compute process.')],
  ),
  boundary(
    ['webview/**/*.ts'],
    [
      NO_NODE,
      NO_VSCODE,
      NO_TENSOR_LIBRARY,
      noFolders(['editor', 'compute', 'weights', 'cli'], 'The webview reaches the host through src/shared.'),
    ],
  ),
);
