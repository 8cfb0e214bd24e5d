/** Node's IPC channel as a transport. Structured clones: typed arrays keep their type, −Infinity and NaN survive. */

import { RpcError } from '../shared/rpcError';
import type { Transport } from '../shared/rpc';

/** What `process` and a forked child have in common. */
interface Channel {
  readonly connected: boolean;
  readonly send?: ((message: object) => boolean) | undefined;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
}

export function channelTransport(channel: Channel): Transport {
  return {
    post: (message) => {
      if (!channel.send || !channel.connected) throw new RpcError('unavailable', 'the channel is closed');
      channel.send(message as object);
    },
    onMessage: (listener) => {
      channel.on('message', listener);
      return () => channel.off('message', listener);
    },
  };
}
