import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, suiteSetup, test } from 'mocha';
import * as vscode from 'vscode';
import { headlight } from './support';

interface Step {
  readonly id: string;
  readonly description: string;
  readonly media: { readonly svg: string; readonly altText: string };
  readonly completionEvents: readonly string[];
}

/** The parts of package.json that name each other. */
interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category?: string }[];
    readonly configuration: readonly {
      readonly title: string;
      readonly properties: Readonly<Record<string, object>>;
    }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsWelcome: readonly { readonly view: string; readonly contents: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when?: string }[]>>;
    readonly languageModelTools: readonly { readonly name: string; readonly inputSchema: object }[];
    readonly walkthroughs: readonly { readonly steps: readonly Step[] }[];
    readonly jsonValidation?: readonly { readonly url: string }[];
  };
}

const manifest = (): Manifest => headlight().packageJSON as Manifest;
const onDisk = (file: string): string => readFileSync(join(headlight().extensionPath, file), 'utf8');

suite('manifest', () => {
  let registered: ReadonlySet<string>;
  let settings: ReadonlySet<string>;
  let views: ReadonlySet<string>;

  suiteSetup(async () => {
    await headlight().activate();
    registered = new Set(await vscode.commands.getCommands(true));
    const { configuration, views: containers } = manifest().contributes;
    settings = new Set(configuration.flatMap(({ properties }) => Object.keys(properties)));
    views = new Set(Object.values(containers).flatMap((list) => list.map(({ id }) => id)));
  });

  test('every command it names is registered, and the other way round', () => {
    const named = manifest()
      .contributes.commands.map(({ command }) => command)
      .sort();
    // VS Code registers some for a view by itself (focus, open, …): `headlight.panel.focus`.
    const ours = [...registered]
      .filter((command) => command.startsWith('headlight.') && command.split('.').length === 2)
      .sort();
    assert.deepEqual(ours, named);
    // In the palette all read "Headlight: …".
    for (const { command, category, title } of manifest().contributes.commands)
      assert.match(category ? `${category}: ${title}` : title, /^Headlight: \S/, command);
  });

  test('every setting it names has a default that is in force', () => {
    for (const key of settings) {
      const inspected = vscode.workspace.getConfiguration().inspect(key);
      assert.ok(inspected && 'defaultValue' in inspected, key);
    }
  });

  test('every view it names is there, and nothing is said of others', () => {
    for (const view of views) assert.ok(registered.has(`${view}.focus`), view);
    for (const { view } of manifest().contributes.viewsWelcome) assert.ok(views.has(view), view);
  });

  test('every tool it names is registered, and the other way round', () => {
    const named = manifest()
      .contributes.languageModelTools.map(({ name }) => name)
      .sort();
    const known = vscode.lm.tools.filter(({ name }) => name.startsWith('headlight_'));
    assert.deepEqual(known.map(({ name }) => name).sort(), named);
    for (const { name, inputSchema } of known) assert.ok(inputSchema && Object.keys(inputSchema).length > 0, name);
  });

  test('menus, links and completion events name commands, views and settings that exist', () => {
    const { menus, viewsWelcome, walkthroughs } = manifest().contributes;
    const commands = new Set(manifest().contributes.commands.map(({ command }) => command));
    for (const [menu, items] of Object.entries(menus))
      for (const { command } of items) assert.ok(commands.has(command), `${menu}: ${command}`);
    const steps = walkthroughs.flatMap((walkthrough) => walkthrough.steps);
    const links = [
      ...viewsWelcome.map(({ contents }) => contents),
      ...steps.map(({ description }) => description),
    ].flatMap((text) => [...text.matchAll(/\(command:([\w.]+)\)/g)].map(([, command = '']) => command));
    assert.ok(links.length >= 5);
    for (const command of links) assert.ok(registered.has(command), command);
    const known: Readonly<Record<string, (id: string) => boolean>> = {
      onCommand: (id) => commands.has(id),
      onSettingChanged: (id) => settings.has(id),
      onView: (id) => views.has(id),
      // Set by the code; which keys there are is in src/editor/ids.ts.
      onContext: (id) => ['headlight.hovered', 'headlight.hasConfig'].includes(id),
    };
    for (const { id, completionEvents } of steps) {
      assert.ok(completionEvents.length > 0, id);
      for (const event of completionEvents) {
        const [kind = '', name = ''] = event.split(':');
        assert.ok(known[kind]?.(name), `${id}: ${event}`);
      }
    }
  });

  test('every file it names is there', () => {
    const { walkthroughs, jsonValidation = [] } = manifest().contributes;
    const pictures = walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg));
    for (const file of [...pictures, ...jsonValidation.map(({ url }) => url)])
      assert.ok(existsSync(join(headlight().extensionPath, file)), file);
    for (const file of pictures) {
      // Colours of the theme alone.
      assert.match(onDisk(file), /var\(--vscode-/, file);
      assert.doesNotMatch(onDisk(file), /#[0-9a-f]{3,8}\b|rgb\(/i, file);
    }
  });

  test('every string that people see can be translated', () => {
    const raw = onDisk('package.json');
    const strings = JSON.parse(onDisk('package.nls.json')) as Readonly<Record<string, string>>;
    const used = new Set([...raw.matchAll(/"%([\w.-]+)%"/g)].map(([, key = '']) => key));
    assert.deepEqual([...used].sort(), Object.keys(strings).sort());
    assert.doesNotMatch(JSON.stringify(manifest().contributes), /"%[\w.-]+%"/);
    const { contributes } = JSON.parse(raw) as Manifest;
    const shown = [
      ...contributes.commands.map(({ title }) => title),
      ...contributes.configuration.map(({ title }) => title),
      ...contributes.viewsWelcome.map(({ contents }) => contents),
    ];
    for (const text of shown) assert.match(text, /^%.*%$/);
  });
});
