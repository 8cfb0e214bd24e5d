// Sees every way by which JavaScript reaches the network, and refuses it. Preloaded (`--require`, by NODE_OPTIONS, which child processes and
// workers inherit) it writes a line for the start of each process and for each try into the file that HEADLIGHT_NETWORK_LOG names; others call
// `watchNetwork`. What a native library does by itself is not seen, but for sockets that are still open when a process ends.
const { appendFileSync, readdirSync, readlinkSync } = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');

/**
 * @typedef {object} Try
 * @property {string} by    the function that was called
 * @property {string} to    its first argument, for people
 * @property {string} stack
 */

/**
 * @param {unknown} argument
 * @returns {string}
 */
function named(argument) {
  if (Array.isArray(argument)) return named(argument[0]);
  if (typeof argument !== 'object' || argument === null || argument instanceof URL) return String(argument);
  const { host, hostname, path, port, href } = /** @type {Record<string, unknown>} */ (argument);
  return String(href ?? (host || hostname || port ? `${host ?? hostname ?? ''}:${port ?? ''}` : path));
}

/**
 * Hooks this process.
 * @param {(seen: Try) => boolean} onTry  whether it is refused
 * @returns {() => void}  takes the hooks away
 */
function watchNetwork(onTry) {
  /** @type {(() => void)[]} */
  const undo = [];
  /**
   * @param {object} owner
   * @param {string} name
   * @param {string} by
   */
  const hook = (owner, name, by) => {
    const holder = /** @type {Record<string, any>} */ (owner);
    const before = Object.getOwnPropertyDescriptor(holder, name);
    const original = holder[name];
    if (typeof original !== 'function') return;
    /** @this {unknown} @param {...unknown} given */
    function hooked(...given) {
      const limit = Error.stackTraceLimit;
      Error.stackTraceLimit = 60;
      const stack = new Error().stack ?? '';
      Error.stackTraceLimit = limit;
      if (onTry({ by, to: named(given[0]), stack })) throw new Error(`the network is refused: ${by}`);
      return new.target ? Reflect.construct(original, given, new.target) : Reflect.apply(original, this, given);
    }
    // A class stays one: others extend it, and its constants stay readable.
    Object.setPrototypeOf(hooked, original);
    if (original.prototype !== undefined) hooked.prototype = original.prototype;
    Object.defineProperty(holder, name, { value: hooked, writable: true, configurable: true, enumerable: true });
    undo.push(() => {
      if (before) Object.defineProperty(holder, name, before);
      else delete holder[name];
    });
  };
  const net = require('node:net');
  const dns = require('node:dns');
  const dgram = require('node:dgram');
  // Under all of the others: clients of http, tls and fetch end here.
  hook(net.Socket.prototype, 'connect', 'net.Socket.connect');
  hook(net.Server.prototype, 'listen', 'net.Server.listen');
  for (const name of ['connect', 'createConnection']) hook(net, name, `net.${name}`);
  hook(require('node:tls'), 'connect', 'tls.connect');
  for (const name of ['request', 'get']) {
    hook(require('node:http'), name, `http.${name}`);
    hook(require('node:https'), name, `https.${name}`);
  }
  hook(require('node:http2'), 'connect', 'http2.connect');
  for (const name of ['send', 'connect', 'bind']) hook(dgram.Socket.prototype, name, `dgram.Socket.${name}`);
  const resolvers = [
    ['dns', dns],
    ['dns.promises', dns.promises],
    ['dns.Resolver', dns.Resolver.prototype],
    ['dns.promises.Resolver', dns.promises.Resolver.prototype],
  ];
  for (const [by, owner] of /** @type {[string, object][]} */ (resolvers)) {
    const asks = [owner, Object.getPrototypeOf(owner)].flatMap((each) => Object.getOwnPropertyNames(each));
    for (const name of new Set(asks)) if (/^(?:lookup|resolve|reverse)/.test(name)) hook(owner, name, `${by}.${name}`);
  }
  for (const name of ['fetch', 'WebSocket', 'EventSource']) hook(globalThis, name, name);
  // What is imported by name is bound anew.
  syncBuiltinESMExports();
  return () => {
    for (const each of undo.splice(0).reverse()) each();
    syncBuiltinESMExports();
  };
}

/** Sockets of this process, by the kernel; none where it does not say. */
function openSockets() {
  try {
    return readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        const link = readlinkSync(`/proc/self/fd/${fd}`);
        return link.startsWith('socket:') ? [link] : [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

const log = process.env['HEADLIGHT_NETWORK_LOG'];
if (log) {
  /** @param {object} line */
  const write = (line) => appendFileSync(log, `${JSON.stringify({ pid: process.pid, ...line })}\n`);
  const given = new Set(openSockets());
  write({ started: process.argv.slice(1) });
  watchNetwork((seen) => {
    write(seen);
    return true;
  });
  process.on('exit', () => {
    const opened = openSockets().filter((socket) => !given.has(socket));
    if (opened.length > 0) write({ by: 'sockets left open', to: opened.join(' '), stack: '' });
  });
}

module.exports = { watchNetwork };
