// Lint: imports go down the floors of scripts/floors.mjs, and every file of the house is in a room.
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forbidden, roomOf } from '../floors.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** @param {string} path */
const inCheckout = (path) => relative(root, path).split(sep).join('/');

/** @type {import('eslint').Rule.RuleModule} */
export const floors = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { upward: '{{ reason }}', homeless: '{{ file }} is in no room of scripts/floors.mjs.' },
  },
  create(context) {
    const from = roomOf(inCheckout(context.filename));
    /** @param {any} node */
    const check = (node) => {
      const target = node.source?.value;
      if (!from || typeof target !== 'string' || !target.startsWith('.')) return;
      const file = inCheckout(resolve(dirname(context.filename), target));
      // Tables beside the code (hardware.json), and what is outside the house, are nobody's floor.
      if (!/^(?:src|webview)\//.test(file)) return;
      const to = roomOf(file);
      if (!to) context.report({ node, messageId: 'homeless', data: { file } });
      else {
        const reason = forbidden(from, to);
        if (reason) context.report({ node, messageId: 'upward', data: { reason } });
      }
    };
    return {
      Program(node) {
        const file = inCheckout(context.filename);
        if (!from) context.report({ node, messageId: 'homeless', data: { file } });
      },
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};
