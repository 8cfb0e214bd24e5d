// Lint: tests are made only from lists that can't be empty. `it.each([])` and a loop over nothing run nothing and count nothing.
// Allowed are tables that the file writes out (or imports, in CAPITALS), their entries, keys and values, and maps of them. What is read
// or filtered goes through eachOrSkip of test/unit/support/cases.ts, which counts what isn't there, or through someOf, which fails.

/** @typedef {import('estree').Node} Node */

const MESSAGE =
  'This list may be empty, and then nothing is run or counted: use eachOrSkip or someOf (test/unit/support/cases.ts).';
const TESTS = new Set(['it', 'test', 'describe', 'itWith']);
/** Of a list with entries they leave some. */
const KEEPING = new Set(['map', 'flatMap', 'entries', 'keys', 'values']);

/** @type {import('eslint').Rule.RuleModule} */
export const emptyCases = {
  meta: { type: 'problem', schema: [], messages: { empty: MESSAGE } },
  create(context) {
    /** @param {any} node */
    const bare = (node) => {
      let inner = node;
      while (/^TS(As|Satisfies|NonNull)Expression$/.test(inner.type)) inner = inner.expression;
      return inner;
    };
    /**
     * @param {any} wrapped
     * @param {any} scope
     * @returns {boolean}
     */
    const hasEntries = (wrapped, scope) => {
      const node = bare(wrapped);
      if (node.type === 'ArrayExpression')
        return node.elements.some((/** @type {any} */ each) =>
          each?.type === 'SpreadElement' ? hasEntries(each.argument, scope) : each !== null,
        );
      if (node.type === 'ObjectExpression') return node.properties.length > 0;
      if (node.type === 'Identifier') {
        for (let at = scope; at; at = at.upper) {
          const found = at.set.get(node.name);
          if (!found) continue;
          const [definition] = found.defs;
          if (definition?.type === 'ImportBinding') return /^[A-Z][A-Z_]*$/.test(node.name);
          const init = definition?.type === 'Variable' ? definition.node.init : null;
          return init !== null && init !== undefined && hasEntries(init, scope);
        }
        return false;
      }
      if (node.type === 'ConditionalExpression')
        return hasEntries(node.consequent, scope) && hasEntries(node.alternate, scope);
      if (node.type !== 'CallExpression') return false;
      const { callee } = node;
      // One fails where there are none (test/unit/support/cases.ts), the other leaves the first (test/unit/depth.ts).
      if (callee.type === 'Identifier')
        return callee.name === 'someOf' || (callee.name === 'sampled' && hasEntries(node.arguments[0], scope));
      if (callee.type !== 'MemberExpression' || !KEEPING.has(callee.property.name)) return false;
      return hasEntries(callee.object.name === 'Object' ? node.arguments[0] : callee.object, scope);
    };
    /** @param {any} node */
    const isTest = (node) => {
      const call = node.type === 'ExpressionStatement' ? node.expression : node;
      const callee = call.type === 'CallExpression' ? call.callee : null;
      return TESTS.has(callee?.name ?? callee?.object?.name ?? callee?.callee?.object?.name);
    };
    return {
      /** @param {any} node */
      'CallExpression[callee.type="MemberExpression"][callee.property.name="each"]'(node) {
        if (!hasEntries(node.arguments[0], context.sourceCode.getScope(node)))
          context.report({ node, messageId: 'empty' });
      },
      /** @param {any} node */
      ForOfStatement(node) {
        const body = node.body.type === 'BlockStatement' ? node.body.body : [node.body];
        if (body.some(isTest) && !hasEntries(node.right, context.sourceCode.getScope(node)))
          context.report({ node, messageId: 'empty' });
      },
    };
  },
};
