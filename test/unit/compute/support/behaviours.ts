/** Ways in which a compute process can be bad; code that follows FAKE_PROCESS. */

/** What the process does with each request; `id` and `name` are the request's. */
export const BEHAVIOURS: Readonly<Record<string, string>> = {
  'garbage of every type': `for (const m of [null, 0, 'x', [], {}, new Map([[1, 2]]), new Uint8Array(9), { v: 1 }, { v: 1, kind: 'result' }]) send(m);
    send({ v: 1, kind: 'result', id, data: undefined });`,
  'a wrong answer': `send({ v: 1, kind: 'result', id, data: { pid: 'x', memoryBytes: [], memoryCeiling: {} } });`,
  'an answer that is too large': `send({ v: 1, kind: 'result', id, data: Array.from({ length: 300000 }, () => ({ a: 'x'.repeat(20) })) });`,
  'progress that is none': `for (const data of [null, 1, 'x', { message: 1 }, { message: {} }, { message: 'x', fraction: 'y' }, { message: 'x', fraction: NaN }, { fraction: 1 }])
      send({ v: 1, kind: 'progress', id, data });
    send({ v: 1, kind: 'error', id, data: null });`,
  'errors that are none': `for (const data of [1, { code: 'x' }, { code: 'internal', message: {} }]) send({ v: 1, kind: 'error', id, data });`,
  'answers nobody asked for': `for (let i = -5; i < 500; i++) { send({ v: 1, kind: 'result', id: i, data: i }); send({ v: 1, kind: 'request', id: i, name: '__proto__', data: {} }); }
    send({ v: 1, kind: 'error', id, data: { code: 'internal', message: 'enough' } });`,
  'events of any name': `for (const name of ['__proto__', 'constructor', 'x'.repeat(1e5), '']) send({ v: 1, kind: 'event', name, data: {} });
    send({ v: 1, kind: 'error', id, data: { code: 'internal', message: 'enough' } });`,
  'an end without a word': `process.exit(3);`,
  'a kill of itself': `process.kill(process.pid, 'SIGKILL');`,
  'a flood on its streams': `for (let i = 0; i < 2000; i++) console.log('x'.repeat(1000) + '\\u001b[2J');
    send({ v: 1, kind: 'error', id, data: { code: 'internal', message: 'enough' } });`,
  'bytes that are no message': `raw([4, 0, 0, 0, 1, 2, 3, 4]);`,
  'a length beyond all bounds': `raw([255, 255, 255, 255, 0, 1, 2, 3]);`,
  'a message that never ends': `raw([255, 255, 0, 0, 1]);`,
  'half a message and an end': `raw([255, 255, 0, 0, 1]); setTimeout(() => process.exit(0), 50);`,
  'a closed pipe': `pipe.destroy();`,
  'text where messages go': `pipe.write('driver: could not open the device');`,
  silence: '',
  'a stop': `process.kill(process.pid, 'SIGSTOP');`,
};
