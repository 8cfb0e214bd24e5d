/** The panel's connection to the extension host: one, shared by every view. */

import type { PanelEvents, PanelMethods } from '../../src/shared/panelContract';
import { type NoMethods, RpcPeer } from '../../src/shared/rpc';
import { transport } from './editorApi';

export type Host = RpcPeer<PanelMethods, NoMethods, PanelEvents>;

export const host: Host = new RpcPeer<PanelMethods, NoMethods, PanelEvents>(transport, {});
