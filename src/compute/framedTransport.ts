/**
 * Messages over a pipe between the editor and the compute process: four bytes of length, then V8's serialisation. Node's own channel throws
 * where nothing can catch it when a message is damaged: what a driver writes to a wrong descriptor would end the extension host.
 */

import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import { RpcError } from '../shared/rpcError';
import type { Transport } from '../shared/rpc';

/** The pipe's descriptor in the process. */
export const PIPE = 3;

const HEADER_BYTES = 4;
/** Longer messages are none of ours: captures are bounded by the memory ceiling long before. */
const MOST_BYTES = 2 ** 30;

/** @param onBroken What arrived is no message: nothing that follows can be told apart. Called once. */
export function framedTransport(pipe: Duplex, onBroken: (why: string) => void): Transport {
  let broken = false;
  const fail = (why: string): void => {
    if (broken) return;
    broken = true;
    onBroken(why);
  };
  // A pipe whose other end is gone says so here; the process's own end is what is acted on.
  pipe.on('error', () => undefined);
  return {
    post: (message) => {
      if (broken || !pipe.writable) throw new RpcError('unavailable', 'the channel is closed');
      const body = serialize(message);
      if (body.length > MOST_BYTES) throw new RpcError('tooLarge', 'the message is too large to be sent');
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32LE(body.length);
      pipe.write(header);
      pipe.write(body);
    },
    onMessage: (listener) => {
      const frames = new Frames();
      const onData = (piece: Buffer): void => {
        if (broken) return;
        try {
          for (const body of frames.add(piece)) listener(deserialize(body));
        } catch (error) {
          fail(error instanceof Error ? error.message : 'damaged');
        }
      };
      pipe.on('data', onData);
      return () => pipe.off('data', onData);
    },
  };
}

/** Takes pieces as they arrive and gives whole messages. */
class Frames {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerFilled = 0;
  private body: Buffer | null = null;
  private bodyFilled = 0;

  *add(piece: Buffer): Generator<Buffer> {
    let at = 0;
    while (at < piece.length) {
      if (this.body === null) {
        const taken = piece.copy(this.header, this.headerFilled, at, at + HEADER_BYTES - this.headerFilled);
        this.headerFilled += taken;
        at += taken;
        if (this.headerFilled < HEADER_BYTES) return;
        const length = this.header.readUInt32LE();
        if (length > MOST_BYTES) throw new Error(`a message of ${length} bytes was announced`);
        // Of its own: tensors of the message are views of it, and must not keep a pool of others.
        this.body = Buffer.allocUnsafeSlow(length);
        this.bodyFilled = 0;
      }
      const taken = piece.copy(this.body, this.bodyFilled, at, at + this.body.length - this.bodyFilled);
      this.bodyFilled += taken;
      at += taken;
      if (this.bodyFilled < this.body.length) return;
      const whole = this.body;
      [this.body, this.headerFilled] = [null, 0];
      yield whole;
    }
  }
}
