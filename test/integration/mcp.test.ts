// The server of tools that Headlight offers to VS Code: found and started by VS Code's own client, as a chat would.
import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight, until } from './support';

/** As VS Code calls it: by the extension, and the server's own name. */
const SERVER = 'headlight.headlight/Headlight';
/** Each tool with what must be in its answer. */
const ANSWERS: Readonly<Record<string, RegExp>> = {
  compare: /"label":"MQA","bytesPerToken":16384,/,
  draw: /^<svg /,
  estimate: /"bytesPerToken":131072,/,
  explain: /131,072 B/,
  fit: /"verdict":"fits"/,
  lint: /"problems":\[\]/,
};

/** The name of a tool of the server, as chats see it. */
function chatName(tool: string): string | undefined {
  const pattern = new RegExp(`^mcp_.*headlight.*_${tool}$`, 'i');
  return vscode.lm.tools.find(({ name }) => pattern.test(name))?.name;
}

async function call(tool: string): Promise<string> {
  const input = { path: 'llama-3-8b/config.json', ...INPUTS[tool] };
  const { content } = await vscode.lm.invokeTool(chatName(tool) ?? tool, { input, toolInvocationToken: undefined });
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('');
}

const INPUTS: Readonly<Record<string, object>> = {
  compare: { as: ['mqa'] },
  fit: { device: 'h100-sxm', weights: 'bf16', tokens: 8192 },
};

suite('MCP server', function () {
  this.timeout(60_000);

  test('VS Code from 1.101 on starts it, lists every tool and calls it; 1.100 goes on without', async () => {
    await headlight().activate();
    const [, minor = 0] = vscode.version.split('.').map(Number);
    if (minor < 101) {
      assert.equal(chatName('estimate'), undefined);
      return;
    }
    // Providers are asked a moment after activation.
    await until(async () => {
      await vscode.commands.executeCommand('workbench.mcp.startServer', SERVER, { waitForLiveTools: true });
      return Object.keys(ANSWERS).every(chatName);
    });
    // One after the other: a server answers in turn.
    for (const [tool, answer] of Object.entries(ANSWERS)) assert.match(await call(tool), answer, tool);
    await vscode.commands.executeCommand('workbench.mcp.stopServer', SERVER);
  });
});
