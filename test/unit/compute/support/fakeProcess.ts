/**
 * The beginning of a script that stands in for the compute process: `send(message)`, `raw(bytes)` and `receive(listener)` on the pipe that
 * src/compute/framedTransport.ts has, written a second time so that one is held against the other.
 */
export const FAKE_PROCESS = `
const { serialize, deserialize } = require('node:v8');
const pipe = new (require('node:net').Socket)({ fd: 3, readable: true, writable: true });
pipe.on('error', () => undefined).on('end', () => process.exit(0)).on('close', () => process.exit(0));
const raw = (bytes) => pipe.write(Buffer.from(bytes));
const send = (message) => {
  const body = serialize(message);
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  pipe.write(Buffer.concat([header, body]));
};
const receive = (listener) => {
  let waiting = Buffer.alloc(0);
  pipe.on('data', (piece) => {
    waiting = Buffer.concat([waiting, piece]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32LE()) {
      const end = 4 + waiting.readUInt32LE();
      const message = deserialize(waiting.subarray(4, end));
      waiting = waiting.subarray(end);
      listener(message);
    }
  });
};
`;
