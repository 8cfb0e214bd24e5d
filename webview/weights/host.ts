/** The connection of a weight file's page to the extension host. */

import type { WeightEditorEvents, WeightEditorMethods } from '../../src/shared/weightEditorContract';
import { type NoMethods, RpcPeer } from '../../src/shared/rpc';
import { transport } from '../platform/editorApi';

export const host = new RpcPeer<WeightEditorMethods, NoMethods, WeightEditorEvents>(transport, {});
