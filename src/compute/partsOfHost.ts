/** Parts of weights that are not on this machine: the extension host fetches them where it was allowed to; this process has no way to the network. */

import type { HostMethods } from '../shared/hostContract';
import type { MethodTable, RpcPeer } from '../shared/rpc';
import { messageOf } from '../shared/rpcError';
import { fetchOtherPartsBy } from '../weights/partsFile';
import { WeightsError } from '../weights/weightsError';

export function fetchPartsOf<Local extends MethodTable<Local>>(host: RpcPeer<HostMethods, Local>): void {
  fetchOtherPartsBy(async (path, from, to) => {
    const found = await host.call('parts/fetch', { path, from, to }).catch((error: unknown) => {
      const problem = messageOf(error);
      throw new WeightsError({
        file: path,
        problem,
        fix: 'Open the model by its name on the Hub, or download it.',
        cause: error,
      });
    });
    return found;
  });
}
