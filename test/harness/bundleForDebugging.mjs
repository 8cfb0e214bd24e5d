// The task behind "Integration tests" in .vscode/launch.json: builds the extension and the tests it runs.
import { compile } from './compile.mjs';
import { bundleIntegrationTests } from './integrationBundle.mjs';

await compile();
await bundleIntegrationTests();
